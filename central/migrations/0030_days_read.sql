-- Which days of which channels a part was rated with, by key of the channel: a bill covers those and no
-- others, whatever its service bills later. Of parts of earlier releases nobody knows.
ALTER TABLE bill_part ADD COLUMN days_read jsonb;
