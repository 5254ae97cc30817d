"""CustomResourceDefinitions of the kinds that are read, generated from their types by `make crds`.

`schema` turns a type into a structural schema, `rules` has what types cannot say, `definitions` puts them together.
"""
