"""The operator's page: what runs, live traffic, explanations, a playground, the models.

`app` has the routes, and `access` says who may see them. `views` renders each page with `markup`, which escapes every
text. What is shown comes in as values (`source`); `traffic` keeps the last exchanges.
"""
