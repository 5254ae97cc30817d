"""A stand-in for bedrock-runtime that rejects what the real one would."""
