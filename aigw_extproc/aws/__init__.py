"""AWS: credentials and their sources, signatures, endpoints, and the spelling of AWS's names.

`identity`, `names` and `sigv4` are pure; `credentials/` and `endpoints` ask botocore.
"""
