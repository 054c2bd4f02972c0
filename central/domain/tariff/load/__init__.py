"""From the text of a tariff to its document, or to the reasons why not.

Owns the reading and the wording of refusals. It does not say what is allowed;
`central.domain.tariff.grammar` does.
"""
