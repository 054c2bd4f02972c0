-- What people look for by a part of its name: words without accents and case, of all that has one.

-- Letters are folded without the database's collation, which may know ASCII alone.
CREATE FUNCTION folded(given text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path FROM CURRENT AS $$
    SELECT replace(replace(replace(replace(replace(replace(replace(translate(
        regexp_replace(normalize(given, NFKD), '[\u0300-\u036f]', '', 'g'),
        'ABCDEFGHIJKLMNOPQRSTUVWXYZÐØĐĦŁŊŦΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩϏϘϚϜϞϠϢϤϦϨϪϬϮϷϺϽϾϿЂЄЅІЈЉЊЋЏАБВГ'
        || 'ДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯѠѢѤѦѨѪѬѮѰѲѴѸѺѼѾҀҐҒҔҖҘҚҜҞҠҢҤҦҨҪҬҮҰҲҴҶҸҺҼҾӀӃӅӇӉӋӍӔӘӠӨӶӺӼӾԀԂԄԆԈԊ'
        || 'ԌԎԐԒԔԖԘԚԜԞԠԢԤԦԨԪԬԮԱԲԳԴԵԶԷԸԹԺԻԼԽԾԿՀՁՂՃՄՅՆՇՈՉՊՋՌՍՎՏՐՑՒՓՔՕՖøđðłħıςŧŋ',
        'abcdefghijklmnopqrstuvwxyzdodhlntαβγδεζηθικλμνξοπρστυφχψωϗϙϛϝϟϡϣϥϧϩϫϭϯϸϻͻͼͽђєѕіјљњћџабвг'
        || 'дежзиклмнопрстуфхцчшщъыьэюяѡѣѥѧѩѫѭѯѱѳѵѹѻѽѿҁґғҕҗҙқҝҟҡңҥҧҩҫҭүұҳҵҷҹһҽҿӏӄӆӈӊӌӎӕәӡөӷӻӽӿԁԃԅԇԉԋ'
        || 'ԍԏԑԓԕԗԙԛԝԟԡԣԥԧԩԫԭԯաբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆoddlhiσtn'
    ), 'Æ', 'ae'), 'æ', 'ae'), 'Œ', 'oe'), 'œ', 'oe'), 'ß', 'ss'), 'Þ', 'th'), 'þ', 'th')
$$;

-- Words are what ASCII's signs and spaces separate; what comes in one piece, such as a number, is
-- found with and without its signs.
CREATE FUNCTION search_words(joined text, given text) RETURNS text []
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
    SELECT coalesce(array_agg(DISTINCT left(word, 64)), '{}')
    FROM unnest(
        regexp_split_to_array(
            folded(left(concat_ws(' ', joined, given), 1000)), '[^0-9a-z\u0080-\U0010ffff]+'
        ) || regexp_replace(folded(left(joined, 1000)), '[^0-9a-z\u0080-\U0010ffff]+', '', 'g')
    ) AS word
    WHERE word <> ''
$$;

-- What has every word that somebody typed, or for each of them one that begins so.
CREATE FUNCTION search_query(typed text, begins boolean) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
    SELECT string_agg(
        quote_literal(word) || CASE WHEN begins THEN ':*' ELSE '' END, ' & '
    )::tsquery
    FROM unnest(search_words(NULL, typed)) AS word
$$;

-- Whose data somebody with limits may see. A group of points carries the accounts that have an
-- agreement there on a day, and a group of accounts the points where they have one.
CREATE FUNCTION inside_points(groups text [], accounts text [], day date) RETURNS SETOF bigint
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    WITH member AS (
        SELECT service_point_id, account_id
        FROM group_member JOIN named_group ON named_group.id = group_member.group_id
        WHERE named_group.name = ANY(groups) AND from_day <= day
            AND (end_day IS NULL OR end_day > day)
    )
    SELECT service_point_id FROM member WHERE service_point_id IS NOT NULL
    UNION
    SELECT agreement.service_point_id
    FROM agreement
    JOIN (
        SELECT account_id AS id FROM member WHERE account_id IS NOT NULL
        UNION
        SELECT id FROM account WHERE number = ANY(accounts)
    ) AS listed ON listed.id = agreement.account_id
    WHERE during @> day
$$;
CREATE FUNCTION inside_accounts(groups text [], accounts text [], day date) RETURNS SETOF bigint
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    WITH member AS (
        SELECT service_point_id, account_id
        FROM group_member JOIN named_group ON named_group.id = group_member.group_id
        WHERE named_group.name = ANY(groups) AND from_day <= day
            AND (end_day IS NULL OR end_day > day)
    )
    SELECT account_id FROM member WHERE account_id IS NOT NULL
    UNION
    SELECT id FROM account WHERE number = ANY(accounts)
    UNION
    SELECT agreement.account_id
    FROM agreement JOIN member ON member.service_point_id = agreement.service_point_id
    WHERE during @> day
$$;

CREATE TABLE search_entry (
    kind text NOT NULL CHECK (kind IN ('account', 'gateway', 'meter', 'point')),
    -- Its key in the table of its kind.
    thing_id bigint NOT NULL,
    words tsvector NOT NULL,
    PRIMARY KEY (kind, thing_id)
);
-- An index a kind: what is rare in one is not looked for among all of another.
CREATE INDEX search_entry_account ON search_entry USING gin (words) WITH (fastupdate = off) WHERE kind = 'account';
CREATE INDEX search_entry_gateway ON search_entry USING gin (words) WITH (fastupdate = off) WHERE kind = 'gateway';
CREATE INDEX search_entry_meter ON search_entry USING gin (words) WITH (fastupdate = off) WHERE kind = 'meter';
CREATE INDEX search_entry_point ON search_entry USING gin (words) WITH (fastupdate = off) WHERE kind = 'point';

-- In step by trigger, so that no way to write a name can forget it.
CREATE FUNCTION enter_search() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    entered text [];
BEGIN
    IF TG_ARGV[0] = 'account' THEN
        entered := search_words(NEW.number, NEW.name || ' ' || array_to_string(NEW.address, ' '));
    ELSIF TG_ARGV[0] = 'gateway' THEN
        entered := search_words(NEW.name, NULL);
    ELSIF TG_ARGV[0] = 'meter' THEN
        entered := search_words(NEW.serial, NEW.manufacturer);
    ELSE
        entered := search_words(NEW.name, NEW.address);
    END IF;
    INSERT INTO search_entry (kind, thing_id, words)
    VALUES (TG_ARGV[0], NEW.id, array_to_tsvector(entered))
    ON CONFLICT (kind, thing_id) DO UPDATE SET words = excluded.words;
    RETURN NULL;
END $$;
CREATE TRIGGER account_search AFTER INSERT OR UPDATE OF number, name, address ON account
FOR EACH ROW EXECUTE FUNCTION enter_search('account');
CREATE TRIGGER gateway_search AFTER INSERT OR UPDATE OF name ON gateway
FOR EACH ROW EXECUTE FUNCTION enter_search('gateway');
CREATE TRIGGER meter_search AFTER INSERT OR UPDATE OF serial, manufacturer ON meter
FOR EACH ROW EXECUTE FUNCTION enter_search('meter');
CREATE TRIGGER service_point_search AFTER INSERT OR UPDATE OF name, address ON service_point
FOR EACH ROW EXECUTE FUNCTION enter_search('point');

INSERT INTO search_entry (kind, thing_id, words)
SELECT
    'account', id,
    array_to_tsvector(search_words(number, name || ' ' || array_to_string(address, ' ')))
FROM account
UNION ALL
SELECT 'gateway', id, array_to_tsvector(search_words(name, NULL)) FROM gateway
UNION ALL
SELECT 'meter', id, array_to_tsvector(search_words(serial, manufacturer)) FROM meter
UNION ALL
SELECT 'point', id, array_to_tsvector(search_words(name, address)) FROM service_point;

INSERT INTO release_beside (version) VALUES (91);
GRANT SELECT, INSERT, UPDATE ON search_entry TO meterline_app;
