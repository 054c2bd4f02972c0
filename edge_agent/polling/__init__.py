"""When each meter is read, and what becomes of the readings.

Owns the schedule, and the judgement of each reading's time. It does not send anything.
"""
