"""The store of responses: what `previous_response_id`, item references and GET /v1/responses/{id} read.

`connect` opens the place that an option names: a file, in `sqlite`, or a Redis server, in `redis`. All workers of a
gateway, and several gateways, may use one place. A record is bytes, which belong to an owner and have an id. Its age
and the size of all records are limited: the oldest are removed.
"""
