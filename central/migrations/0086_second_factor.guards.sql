GRANT UPDATE (totp_secret, totp_since, totp_step) ON person TO meterline_app;
GRANT SELECT, INSERT ON recovery_code TO meterline_app;
GRANT UPDATE (used_at) ON recovery_code TO meterline_app;
