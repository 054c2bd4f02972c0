-- Readings are taken up to three years late. Hours outside the policy's window were never computed
-- again, so the window is open at its beginning: only what changed since is computed.
SELECT remove_continuous_aggregate_policy('reading_hour');
SELECT add_continuous_aggregate_policy(
    'reading_hour',
    start_offset => NULL,
    end_offset => interval '2 hours',
    schedule_interval => interval '1 hour'
);
