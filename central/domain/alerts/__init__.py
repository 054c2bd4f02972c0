"""Say when what is used, or what it costs, reaches a threshold.

Owns rules of alerts and how a month is forecast. It does not read, raise or tell anything.
"""
