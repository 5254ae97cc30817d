"""Converse and ConverseStream to Responses. The way there is still to come: no endpoint leads here yet."""
