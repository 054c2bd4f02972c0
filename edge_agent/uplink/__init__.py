"""From the buffer to the broker, and the acknowledgements back.

Owns the conversation with the centre. It does not change a batch, and deletes none that the centre
has not acknowledged by hash.
"""
