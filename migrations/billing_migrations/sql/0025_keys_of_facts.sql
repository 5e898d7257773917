-- Facts are known once per event and object.
-- squawk-ignore ban-drop-constraint -- a wider one takes its place
ALTER TABLE facts DROP CONSTRAINT facts_known_once;
ALTER TABLE facts ADD CONSTRAINT facts_known_once PRIMARY KEY USING INDEX facts_known_once_of_object;
