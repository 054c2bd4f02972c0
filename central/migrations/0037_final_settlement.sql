-- A part that bills no day settles what an occupancy left that has ended when all of its days were
-- issued. It claims the day on which the occupancy has ended, so that it comes last in the chain and
-- once; nobody reads that day by it.
ALTER TABLE billed_period ADD COLUMN settles boolean NOT NULL DEFAULT false;
ALTER TABLE bill_part ADD COLUMN settles boolean NOT NULL DEFAULT false;
