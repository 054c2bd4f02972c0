-- Whether an interval of a part's days was estimated or missing, so that a batch that may still come
-- concerns it. NULL where nobody knows, which counts as if it were.
ALTER TABLE bill_part ADD COLUMN not_metered boolean;
