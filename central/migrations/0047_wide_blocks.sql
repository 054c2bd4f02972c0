-- The blocks of the former layout are all in the new one, which is looked at before they go.
DO $$ BEGIN
    IF EXISTS (
        SELECT FROM day_block_wide AS wide WHERE NOT EXISTS (
            SELECT FROM day_block
            WHERE day_block.channel_id = wide.channel_id AND day_block.day = wide.day
                AND day_block.version = wide.version AND day_block.sha256 = wide.sha256
        )
    ) THEN
        RAISE EXCEPTION 'day blocks of the former layout are not brought over'
            USING HINT = 'Run meterline-central migrate: SQL alone cannot pack them.';
    END IF;
END $$;
DROP TABLE day_block_wide;
