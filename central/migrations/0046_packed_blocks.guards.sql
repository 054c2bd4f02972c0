CREATE TRIGGER day_block_append_only BEFORE UPDATE OR DELETE ON day_block
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER block_heading_append_only BEFORE UPDATE OR DELETE ON block_heading
FOR EACH ROW EXECUTE FUNCTION refuse_change();

GRANT SELECT, INSERT ON day_block, block_heading TO meterline_app;
REVOKE ALL ON FUNCTION reading_attach FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reading_attach TO meterline_app;
REVOKE ALL ON FUNCTION day_block_attach FROM PUBLIC;
GRANT EXECUTE ON FUNCTION day_block_attach TO meterline_app;
