from django.db import migrations

# The one way to a name by any part of it under row security, whose LIKE uses no index (security.md section 1). The practice
# comes from the setting, never from the caller; what was typed stands for itself; three letters at least; never many.
SEARCH = r"""
CREATE FUNCTION prm_search_patients(wanted text, most integer) RETURNS SETOF uuid
  LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 100
  SET search_path = pg_catalog, pg_temp
  SET plan_cache_mode = force_custom_plan
  AS $$
DECLARE
  here uuid := nullif(current_setting('prm.practice', true), '')::uuid;
  longest integer;
  parts text[];
BEGIN
  SELECT max(length(word)),
         array_agg(CASE WHEN length(word) < 3 THEN '% ' ELSE '%' END  -- a letter or two begin a word
                   || regexp_replace(word, '([\\%_])', '\\\1', 'g') || '%' ORDER BY length(word) DESC, word)
    INTO longest, parts
    FROM regexp_split_to_table(left(wanted, 80), '\s+') AS word WHERE word <> '';
  IF here IS NULL OR longest IS NULL OR longest < 3 THEN
    RETURN;
  END IF;
  RETURN QUERY
    SELECT p.id FROM public.patients_patient p
     WHERE p.practice_id = here AND p.search_name LIKE parts[1]
       AND NOT EXISTS (SELECT FROM unnest(parts[2:]) AS part WHERE ' ' || p.search_name NOT LIKE part)
       AND p.merged_into_id IS NULL AND p.archived_at IS NULL
     ORDER BY p.search_name, p.id LIMIT least(greatest(most, 0), 2000);
END
$$;
REVOKE ALL ON FUNCTION prm_search_patients(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION prm_search_patients(text, integer) TO prm_app;
ALTER FUNCTION prm_search_patients(text, integer) OWNER TO prm_search;
"""


class Migration(migrations.Migration):
    """The search function of patients' names."""

    dependencies = [("patients", "0008_search_indexes")]

    operations = [migrations.RunSQL(SEARCH, "DROP FUNCTION prm_search_patients(text, integer)")]
