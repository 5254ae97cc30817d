"""Real agents and SDKs, headless, through Envoy, against the simulator: `python -m tests.agents [NAME…]`.

Each program is installed in a folder of its own in `.agents/`. A row of `programs/` says how it is installed and
started, `drivers/` has the programs that use libraries, and `scenarios` says what must hold. The results are kept in
`results.json`, from which `matrix` writes `docs/clients-matrix.md`.
"""
