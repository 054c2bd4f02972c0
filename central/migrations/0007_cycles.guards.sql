GRANT SELECT, INSERT ON
    billing_cycle, cycle_period, account_cycle, named_group, group_member
TO meterline_app;
GRANT UPDATE (changed_at) ON billing_cycle, named_group TO meterline_app;
GRANT UPDATE (cycle_id, built_in) ON account_cycle TO meterline_app;
GRANT UPDATE (end_day) ON group_member TO meterline_app;
-- A list is changed where no bill was made of it yet; a membership entered by mistake is taken back.
GRANT DELETE ON cycle_period, group_member TO meterline_app;
