-- Days before or after a date that were told, so that each is told once; those that are too long past to be told
-- again are deleted. An older release cannot read rules of dates, so it does not work beside this one.
CREATE TABLE date_told (
    field text NOT NULL,
    days integer NOT NULL,
    -- Key of the bill or agreement.
    object bigint NOT NULL,
    day date NOT NULL,
    PRIMARY KEY (field, days, object, day)
);
CREATE INDEX date_told_day ON date_told (day);
CREATE INDEX bill_due_on ON bill (due_on) WHERE state = 'issued' AND cancels IS NULL;
CREATE INDEX bill_issued_on ON bill (issued_on) WHERE state = 'issued' AND cancels IS NULL;
