-- The image runs this once, as the server's administrator, in the database that it has just made:
-- who owns the tables is no administrator, and the services own nothing.
\set ON_ERROR_STOP on
\getenv owner_password DATABASE_OWNER_PASSWORD
\getenv password DATABASE_PASSWORD

CREATE ROLE meterline_owner LOGIN CREATEROLE PASSWORD :'owner_password';
CREATE ROLE meterline_app LOGIN PASSWORD :'password';
SELECT format('ALTER DATABASE %I OWNER TO meterline_owner', current_database()) \gexec

SELECT 'CREATE EXTENSION IF NOT EXISTS timescaledb'
WHERE EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb') \gexec
