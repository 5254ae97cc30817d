"""Bedrock wire types: Converse, its event stream, its errors."""
