-- The lines of a bill in one row: what many bills say alike in a line is kept once, as its form, and the
-- row has the figures that fill the forms in. `bill_line` shows the lines as it always did.
ALTER TABLE bill_line RENAME TO bill_line_wide;
ALTER INDEX bill_line_pkey RENAME TO bill_line_wide_pkey;
ALTER TABLE past.bill_line RENAME TO bill_line_wide;

CREATE TABLE line_form (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sha256 bytea NOT NULL UNIQUE CHECK (length(sha256) = 32),
    charge text NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    label text NOT NULL,
    unit text NOT NULL,
    -- Which of a line's values these are, from 1.
    amount_at smallint NOT NULL CHECK (amount_at > 2),
    price_at smallint NOT NULL CHECK (price_at > 2),
    quantity_at smallint NOT NULL CHECK (quantity_at > 2),
    -- The line with its determinants and selections as JSON, with U+001F for each value of a bill.
    content text NOT NULL
);

-- Lines refer to their bill by the statement trigger; a foreign key would ask once per row.
CREATE TABLE bill_figures (
    bill_id bigint PRIMARY KEY,
    -- One per line, in print order.
    forms integer [] NOT NULL,
    -- Groups parted by U+001E, their values by U+001F. First what several lines share, then for each
    -- line its number, its service point, and what its form leaves out; $2 is the second that is shared.
    figures text NOT NULL,
    CHECK (length(figures) - length(replace(figures, E'\x1e', '')) = cardinality(forms)),
    -- No text has this letter, and it would be seen only when a line is read.
    CHECK (strpos(figures, '\u0000') = 0)
);

CREATE VIEW bill_line AS
SELECT
    row_of.bill_id,
    row_of.own[1]::integer AS number,
    (row_of.shared[substr(row_of.own[2], 2)::integer]::jsonb #>> '{}') AS service_point,
    row_of.charge,
    row_of.kind,
    row_of.name,
    row_of.label,
    nullif(btrim(row_of.own[row_of.quantity_at], '"'), 'null')::numeric AS quantity,
    row_of.unit,
    nullif(btrim(row_of.own[row_of.price_at], '"'), 'null')::numeric AS price,
    btrim(row_of.own[row_of.amount_at], '"')::numeric AS amount,
    (
        SELECT string_agg(
            text_of.piece || CASE
                WHEN starts_with(text_of.value, '$')
                    THEN row_of.shared[substr(text_of.value, 2)::integer]
                ELSE coalesce(text_of.value, '')
            END,
            '' ORDER BY text_of.place
        )
        FROM unnest(string_to_array(row_of.content, E'\x1f'), row_of.own[3:])
            WITH ORDINALITY AS text_of (piece, value, place)
    )::jsonb AS lineage
FROM (
    SELECT
        bill_figures.bill_id, line_form.charge, line_form.kind, line_form.name, line_form.label,
        line_form.unit, line_form.amount_at, line_form.price_at, line_form.quantity_at,
        line_form.content, string_to_array(line.figures, E'\x1f') AS own,
        string_to_array(split_part(bill_figures.figures, E'\x1e', 1), E'\x1f') AS shared
    FROM bill_figures
    CROSS JOIN LATERAL unnest(
        bill_figures.forms, (string_to_array(bill_figures.figures, E'\x1e'))[2:]
    ) AS line (form_id, figures)
    JOIN line_form ON line_form.id = line.form_id
) AS row_of;

UPDATE knowledge_rule SET relation = 'bill_figures' WHERE relation = 'bill_line';
INSERT INTO knowledge_rule (relation, kind, known) VALUES ('line_form', 'recorded', 'true');
INSERT INTO knowledge_rule (relation, kind) VALUES ('bill_line', 'view');
GRANT SELECT ON bill_line TO meterline_app;
GRANT SELECT, INSERT ON line_form, bill_figures TO meterline_app;
GRANT DELETE ON bill_figures TO meterline_app;
