"""Why does it not work? Looks at every backend from the credentials to the model, and says what to do next.

`checks`, `patients`, `answers`, `clock` and `places` are values and pure functions; `credentials`, `identity`,
`network` and `calls` ask the world; `examination` puts them in order, `report` shows what came out.
"""
