from aigw_extproc.cli import app

app()
