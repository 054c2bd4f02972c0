"""The vocabulary that edge and centre share.

No input or output happens here, and nothing is imported but the standard library and the codec
(msgpack, zstandard). Everything else in Meterline may import this package; it imports nothing of
ours.
"""
