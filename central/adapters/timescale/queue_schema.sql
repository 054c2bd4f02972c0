-- What the application needs to hand out jobs, and nothing more: no job is changed but by those who
-- work, none of the library's other functions is called, and nothing is its own.
REVOKE ALL ON SCHEMA meterline_jobs FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA meterline_jobs FROM PUBLIC, meterline_app;
REVOKE ALL ON ALL ROUTINES IN SCHEMA meterline_jobs FROM PUBLIC, meterline_app;
GRANT USAGE ON SCHEMA meterline_jobs TO meterline_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON
    meterline_jobs.procrastinate_jobs, meterline_jobs.procrastinate_workers
TO meterline_app;
GRANT SELECT, INSERT ON meterline_jobs.procrastinate_events TO meterline_app;
-- A trigger forgets a job there that goes; none is ever added.
GRANT SELECT, UPDATE ON meterline_jobs.procrastinate_periodic_defers TO meterline_app;
GRANT USAGE ON
    meterline_jobs.procrastinate_jobs_id_seq, meterline_jobs.procrastinate_events_id_seq,
    meterline_jobs.procrastinate_workers_id_seq
TO meterline_app;
GRANT EXECUTE ON ROUTINE
    meterline_jobs.procrastinate_defer_jobs_v1, meterline_jobs.procrastinate_fetch_job_v2,
    meterline_jobs.procrastinate_finish_job_v1, meterline_jobs.procrastinate_register_worker_v1,
    meterline_jobs.procrastinate_unregister_worker_v1,
    meterline_jobs.procrastinate_update_heartbeat_v1,
    meterline_jobs.procrastinate_prune_stalled_workers_v1
TO meterline_app;
