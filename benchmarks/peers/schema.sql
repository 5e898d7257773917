-- What the peers write of a webhook: the event, and five rows that follow from it.
CREATE TABLE inbox (event_id text PRIMARY KEY, type text NOT NULL, payload bytea NOT NULL, at timestamptz DEFAULT now());
CREATE TABLE subscriptions (id text PRIMARY KEY, customer text NOT NULL, status text NOT NULL, at timestamptz DEFAULT now());
CREATE TABLE invoices (id text PRIMARY KEY, customer text NOT NULL, status text NOT NULL, at timestamptz DEFAULT now());
CREATE TABLE access (customer text PRIMARY KEY, status text NOT NULL, at timestamptz DEFAULT now());
CREATE TABLE outbox (id text PRIMARY KEY, customer text NOT NULL, type text NOT NULL, at timestamptz DEFAULT now());
CREATE TABLE audit (id text PRIMARY KEY, customer text NOT NULL, type text NOT NULL, at timestamptz DEFAULT now());
