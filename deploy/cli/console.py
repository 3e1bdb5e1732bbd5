"""The command ``vigil console``: the central station over Kafka."""

from __future__ import annotations

import getpass
import json
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.errors import InputError
from ingest.kafka_url import BrokerError

if TYPE_CHECKING:
    from deploy.console.oidc import Provider
    from deploy.console.past import Past
    from deploy.services.central import Place
    from inference.limits import Limits

FAILED = 1
"""Exit code where Kafka failed for good."""

logger = logging.getLogger(__name__)


def console(
    *,
    from_url: Annotated[
        str | None, typer.Option("--from", help="Topic of frames, kafka://HOST:PORT/TOPIC.")
    ] = None,
    alarms: Annotated[str | None, typer.Option(help="Topic of alarms.")] = None,
    beats: Annotated[str | None, typer.Option(help="Topic of beats: classes and rates.")] = None,
    signals: Annotated[
        str | None, typer.Option(help="Topic of alarm signals; without it kept here.")
    ] = None,
    commands: Annotated[
        str | None, typer.Option(help="Topic that commands are written to, with --signals.")
    ] = None,
    dead: Annotated[str | None, typer.Option(help="Topic of dead letters.")] = None,
    feedback: Annotated[
        str | None, typer.Option(help="Topic that feedback is written to; kept here anyway.")
    ] = None,
    data: Annotated[
        Path, typer.Option(help="Folder of accounts, feedback and the audit log.")
    ] = Path("console"),
    database: Annotated[
        str | None,
        typer.Option(
            envvar="VIGIL_CONSOLE_DATABASE", help="postgresql://… instead of SQLite in the folder."
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8344,
    certificate: Annotated[Path | None, typer.Option(help="Certificate for HTTPS, PEM.")] = None,
    key: Annotated[Path | None, typer.Option(help="Its key, PEM.")] = None,
    audits: Annotated[Path | None, typer.Option(help="Folder of fairness audits.")] = None,
    reports: Annotated[
        Path | None, typer.Option(help="Folder of reports: drift, changes of models, shadows.")
    ] = None,
    archive: Annotated[
        str | None, typer.Option(help="Archive (vigil archive) for signal older than is kept here.")
    ] = None,
    archive_config: Annotated[
        Path | None, typer.Option(help="Settings of the archive, TOML, where it is sealed.")
    ] = None,
    metrics: Annotated[
        str | None, typer.Option(help="Address of a worker's metrics, http://…/metrics.")
    ] = None,
    monitor_config: Annotated[
        Path | None,
        typer.Option(help="Settings of the workers, TOML: their profile and limits are shown."),
    ] = None,
    traces: Annotated[
        str | None, typer.Option(help="Collector of traces (OTLP over HTTP), http://HOST:4318.")
    ] = None,
    beds: Annotated[
        Path | None,
        typer.Option(help="CSV of stream_id and bed: numerics are shown with their bed's ECG."),
    ] = None,
    keep_minutes: Annotated[
        float, typer.Option(min=1, max=240, help="Signal kept of each patient, minutes.")
    ] = 10.0,
    oidc_issuer: Annotated[str | None, typer.Option(help="Issuer of an OpenID provider.")] = None,
    oidc_client: Annotated[str, typer.Option(help="What it knows Vigil by.")] = "vigil",
    oidc_secret: Annotated[
        str, typer.Option(envvar="VIGIL_CONSOLE_OIDC_SECRET", help="Secret of that, if any.")
    ] = "",
    address: Annotated[
        str | None, typer.Option(help="Address of the page as browsers have it, for OpenID.")
    ] = None,
    add_account: Annotated[
        str | None, typer.Option(help="Add an account of this name, and stop.")
    ] = None,
    role: Annotated[
        list[str] | None,
        typer.Option(help="Its role: viewer, clinician, engineer, auditor. May be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object.")] = False,
) -> int:
    """Serve the central station: a wall of patients in the browser, and its API.

    Accounts are added first, by --add-account; the password is asked for, or read from
    standard input. Where workers keep alarm signals (annunciation in their settings) give
    --signals and --commands; else the console keeps them. Alarms and signals of the last hour are
    read at the start. Other than on this machine serve it with --certificate, or behind a proxy
    that speaks HTTPS.

    Examples
    --------
    $ vigil console --add-account nurse7 --role clinician
    $ vigil console --from kafka://HOST:9092/ecg.frames --alarms kafka://HOST:9092/ecg.alarms
    """
    from deploy.console.beds import read_beds
    from deploy.console.topics import Topics
    from deploy.services.central import Central, Place
    from deploy.settings import TracingSettings

    place = Place(
        data=data,
        database=database,
        host=host,
        port=port,
        certificate=certificate,
        key=key,
        audits=audits,
        reports=reports,
        past=_past(archive, archive_config),
        metrics=metrics,
        limits=_limits(monitor_config),
        tracing=TracingSettings(endpoint=traces),
        keep_minutes=keep_minutes,
        beds={} if beds is None else read_beds(beds),
    )
    if add_account is not None:
        return _add_account(place, add_account, role or [], as_json=as_json)
    if from_url is None or alarms is None:
        raise InputError("vigil console needs --from and --alarms (or --add-account)")
    topics = Topics(from_url, alarms, beats, signals, dead)
    provider = _provider(oidc_issuer, oidc_client, oidc_secret, address)
    central = Central(topics, place, commands=commands, feedback=feedback, provider=provider)
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: central.stop())
    told = {"address": central.server.address}
    typer.echo(json.dumps(told) if as_json else f"central station: {told['address']}")
    sys.stdout.flush()
    try:
        central.run()
    except BrokerError as error:
        logger.error("stopped: %s", error)
        return FAILED
    return 0


def _past(url: str | None, config: Path | None) -> Past | None:
    """Open the archive, where one is given."""
    if url is None and config is None:
        return None
    try:
        from deploy.cli.archive_actions import archive_settings
        from deploy.console.past import Past
        from ingest.archive import Archive
    except ModuleNotFoundError as error:
        raise InputError(f"--archive needs {error.name}: install vigil-ecg[archive]") from error
    told = archive_settings(url, None, None, config, None).archive
    return Past(Archive(told.address(), told.keys()))


def _add_account(place: Place, name: str, roles: list[str], *, as_json: bool) -> int:
    """Add an account with a password that is asked for."""
    from deploy.console.store.accounts import Accounts

    if sys.stdin.isatty():
        password = getpass.getpass(f"Password of {name}: ")
        if getpass.getpass("Again: ") != password:
            raise InputError("the two passwords differ")
    else:
        password = sys.stdin.readline().rstrip("\n")
    database = place.open_database()
    try:
        account = Accounts(database).add(name, roles, password)
    finally:
        database.close()
    told = {"account": account.name, "roles": sorted(account.roles)}
    typer.echo(
        json.dumps(told) if as_json else f"added {told['account']}: {' '.join(account.roles)}"
    )
    return 0


def _limits(config: Path | None) -> Limits | None:
    """Read what workers are set to, where their settings are given."""
    if config is None:
        return None
    from deploy.settings import load_settings
    from inference.profiles import Profile, limits_of, profile_named

    told = load_settings(config)
    return limits_of(profile_named(told.patient.profile or Profile.ADULT), told.limits)


def _provider(issuer: str | None, client: str, secret: str, address: str | None) -> Provider | None:
    """Make the OpenID provider, where one is named."""
    if issuer is None:
        return None
    if address is None:
        raise InputError("--oidc-issuer needs --address, the page's address as browsers have it")
    from deploy.console.oidc import Provider

    return Provider(issuer, client, secret, f"{address.rstrip('/')}/api/oidc/callback")
