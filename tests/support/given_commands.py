"""Every command of the three programs with arguments that its command line takes.

`{file}` stands for a file, and whatever else is named is nowhere: such an account, bill or day.
"""

from __future__ import annotations

EPOCH = "01934f1a-0000-7000-8000-000000000000"
SINCE = "--from 2026-01-01"
MONEY = "--amount 1 --currency EUR"
FACT = "A-9 SP-9 limit"

# What needs a database, or a broker, and ends by itself where it finds nothing.
CENTRAL = {
    "account erase": "A-9 --reason r",
    "agreement fact": f"{FACT} 1 {SINCE} --reason r",
    "agreement withdraw": "A-9 SP-9 2026-01-01 --reason r",
    "agreement withdraw-fact": f"{FACT} 2026-01-01 --reason r",
    "audit list": "--since 2026-01-01",
    "audit verify": "",
    "bill approve": "A-9/2026-01",
    "bill cancel": "A-9/2026-01 --reason r",
    "bill conflicts": "",
    "bill decide-conflict": "9 leave --reason r",
    "bill discard": "A-9/2026-01",
    "bill issue": "A-9/2026-01",
    "bill approve-suppression": EPOCH,
    "bill lift": f"{EPOCH} --reason r",
    "bill list": "A-9 --as-of 2026-01-01T00:00:00Z",
    "bill pdf": "A-9/2026-01",
    "bill render": "A-9/2026-01",
    "bill run": "--cycle 2026-01",
    "bill show": "A-9/2026-01",
    "bill suppress": "A-9 SP-9 --until 2026-02-01 --reason r",
    "bill suppressed": "",
    "bill summary": "--cycle 2026-01",
    "bill withdraw": "A-9/2026-01 --reason r",
    "broker bring": "",
    "broker rules": "",
    "conflict decide": "9 keep --reason r",
    "conflict list": "",
    "correction approve": EPOCH,
    "correction candidates": "--account A-9",
    "correction approve-rule": "small 9",
    "correction decide": "--account A-9 --way adjust --reason r",
    "correction enter-limit": "--effective 2026-01-01 --charges 12 --source law --reason r",
    "correction enter-rule": "small --amount 5 --currency EUR --days 90 --reason r",
    "correction limits": "",
    "correction list": "--account A-9",
    "correction preview": "--account A-9",
    "correction rules": "",
    "correction show": EPOCH,
    "correction rebill": "--account A-9 --reason r",
    "correction withdraw-rule": "small 9 --reason r",
    "correction withdraw": f"{EPOCH} --reason r",
    "cycle add": f"odd {SINCE} --months 2",
    "cycle assign": f"A-9 nowhere {SINCE}",
    "cycle extend": "",
    "cycle import": "{file}",
    "cycle list": "",
    "cycle show": "nowhere",
    "finding accept": "v9 --reason r",
    "finding list": "",
    "gateway configure": "gw-9 {file} --key {file}",
    "gateway enrol": "gw-1",
    "gateway epochs": "gw-9",
    "gateway move-meter": "MTL S9 --to gw-9",
    "gateway revoke": "gw-9",
    "gateway revoke-epoch": f"gw-9 {EPOCH}",
    "gateway update": "gw-9 --artefact {file} --url http://x/a --version 1.2.3 --key {file}",
    "holidays change": "ES-MD --add 2026-01-02=Day --reason r",
    "holidays list": "ES-MD --as-of 2026-01-01T00:00:00Z",
    "holidays seed": "",
    "holidays withdraw": "ES-MD 2026 --reason r",
    "schedule list": "",
    "schedule pause": "retry_held --reason r",
    "schedule remove": "nowhere --reason r",
    "schedule resume": "retry_held --reason r",
    "schedule run": "nowhere --reason r",
    "schedule set": "retry_held --at 03:00 --reason r",
    "group add": "north --of point",
    "group assign": f"nowhere A-9 {SINCE}",
    "group list": "",
    "group remove": f"nowhere A-9 {SINCE}",
    "group show": "nowhere",
    "import book": "{file}",
    "import customers": "{file}",
    "import cutover": "{file}",
    "import readings": "{file} --gateway gw-9",
    "import series": "{file} --name spot --zone UTC",
    "installation withdraw": "SP-9 MTL S9 2026-01-01T00:00:00Z --reason r",
    "ledger list": "--account A-9",
    "ledger post": f"k1 --account A-9 --kind payment {MONEY} --day 2026-01-01 --reason r",
    "ledger show": "k9",
    "quarantine list": "",
    "quarantine requeue": "",
    "reconcile": "--month 2026-01",
    "registry history": "account A-9 --as-of 2026-01-01T00:00:00Z",
    "settings set": "--reason r --zone UTC --effective 2026-01-01",
    "settings show": "--day 2026-01-01",
    "status": "",
    "table add": "{file}",
    "table list": "vat --as-of 2026-01-01T00:00:00Z",
    "table withdraw": "vat 2026-01-01 --reason r",
    "tariff add": "{file}",
    "tariff list": "HOME --as-of 2026-01-01T00:00:00Z",
    "tariff withdraw": "HOME 2026-01-01 --reason r",
    "validate": "",
    "vee end-storm": "9 --at 2026-01-01T00:00:00Z --reason r",
    "vee policy set": f"nowhere {{file}} {SINCE} --reason r",
    "vee policy show": "nowhere",
    "vee policy trial": "nowhere {file}",
    "vee start-storm": "nowhere --from 2026-01-01T00:00:00Z --reason r",
    "vee storms": "",
}
TARIFF_AND_LOAD = (
    "--tariff {file} --load {file} --start 2026-01-01T00:00 --step-minutes 60 --zone UTC"
)
# What needs none.
ALONE = {
    "gateway make-key": "{file}",
    "rate": f"{TARIFF_AND_LOAD} --start 2026-01-01T00:00 --step-minutes 60",
    "tariff check": "{file}",
    "tariff import-urdb": "{file} --zone UTC --effective 2026-01-01",
    "tariff library": "nowhere",
    "tariff new": "--from nowhere",
    "tariff try": "{file}",
    "vee rules": "",
}
# What stays until it is stopped, migrates, or asks a broker.
LIVING = {
    "gateway remote": "gw-9",
    "ingest": "",
    "migrate": "--plain",
    "serve": "--port 0",
    "worker": "",
}
EDGE = {
    "check-config": "--config {file}",
    "reload": "--config {file}",
    "run": "--config {file}",
    "status": "--config {file}",
    "verify-update": "{file} {file} --installed 1.0.0 --config {file}",
}
BRIDGE = {
    "decode": "{file} --protocol sml",
    "probe": "tcp://127.0.0.1:1 --timeout-s 0.1",
    "profiles check": "{file}",
    "profiles list": "",
    "simulate": "--load {file} --protocol modbus --step-s 3600",
}
# Its command is imported late, and it has tests of its own.
LATE = {"demo"}
