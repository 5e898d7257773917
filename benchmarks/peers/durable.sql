-- For the database of ours: whoever stores an event in a transaction that would be answered before it is on disk fails.
CREATE FUNCTION must_be_durable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('synchronous_commit') <> 'on' THEN
        RAISE EXCEPTION 'synchronous_commit is % in this session', current_setting('synchronous_commit');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER must_be_durable BEFORE INSERT ON received_events FOR EACH STATEMENT EXECUTE FUNCTION must_be_durable();
