"""JSON schemas as Bedrock's models take them: of tools, and of structured output.

`tool` is the way in for tools, `native` for structured output. `mend`, `fold` and `keys` each repair one kind of fault.
https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html
https://platform.claude.com/docs/en/build-with-claude/structured-outputs
"""
