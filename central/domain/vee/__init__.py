"""Validation, estimation, editing: is this consumption fit to be billed?

One rule or estimator per module. A rule looks at a day under judgement and yields findings; an
estimator fills intervals that are missing and says how. Neither changes what a meter said.
"""
