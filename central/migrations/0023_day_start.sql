-- When the days of a service begin, such as 06:00 for gas: before noon, at a whole minute. A channel
-- has that of the services that bill it; its validated days are cut there.
ALTER TABLE service ADD COLUMN day_start time NOT NULL DEFAULT '00:00'
CHECK (day_start < '12:00' AND extract(second FROM day_start) = 0);
ALTER TABLE point_channel ADD COLUMN day_start time NOT NULL DEFAULT '00:00'
CHECK (day_start < '12:00' AND extract(second FROM day_start) = 0);
