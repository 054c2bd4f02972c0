GRANT UPDATE (dismissed_by, dismissed_reason) ON subject_waiting TO meterline_app;
