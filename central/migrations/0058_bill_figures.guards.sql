CREATE TRIGGER line_form_append_only BEFORE UPDATE OR DELETE ON line_form
FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER bill_figures_kept BEFORE UPDATE ON bill_figures
FOR EACH ROW EXECUTE FUNCTION refuse_change();
