"""From the text of a tariff to its document, or to the reasons why not."""
