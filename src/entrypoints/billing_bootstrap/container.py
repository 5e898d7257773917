"""The container: which use case gets what. Synchronous providers, resolved once, when an application is opened."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Protocol

from attrs import evolve
from dependency_injector import containers, providers

import billing_postgres
import billing_redis  # by name alone: the driver is imported when it is asked for
import billing_stripe
from billing_bootstrap.absent import NoCache, NoProvider, NoPublisher, NoWebhooks
from billing_bootstrap.application import Application, Ports
from billing_bootstrap.business_time import following_business_time
from billing_bootstrap.clocks import BusinessClock, RealClock
from billing_bootstrap.counted import CountedCache
from billing_bootstrap.deferred import Port, deferred
from billing_bootstrap.gathering import GatheredEvents
from billing_bootstrap.health import HealthChecks, Probes
from billing_bootstrap.ids import NewIds
from billing_bootstrap.metrics import Metrics
from billing_bootstrap.prices import CatalogPrices
from billing_bootstrap.redis_connection import RedisConnection
from billing_bootstrap.settings import Settings
from billing_bootstrap.shared_access import SharedAccess
from billing_bootstrap.shared_catalog import SharedCatalog
from billing_bootstrap.spans import Spans
from billing_bootstrap.stripe_connections import StripeConnections
from billing_bootstrap.watching import sampling
from billing_core.use_cases.answer_once import AnswerOnce
from billing_core.use_cases.apply_catalog import ApplyCatalog
from billing_core.use_cases.ask_provider import AskProvider
from billing_core.use_cases.attach_payment_method import AttachPaymentMethod
from billing_core.use_cases.bookkeeping import Bookkeeper
from billing_core.use_cases.cancel_subscription import CancelSubscription
from billing_core.use_cases.carry_out import CarryOut
from billing_core.use_cases.change_discount import ApplyPromotionCode, EndDiscount
from billing_core.use_cases.change_plan import ChangePlan, PreviewChange
from billing_core.use_cases.change_subscription import SubscriptionChanger
from billing_core.use_cases.change_trial import EndTrial, ExtendTrial
from billing_core.use_cases.check_vital_signs import CheckVitalSigns
from billing_core.use_cases.create_purchase import CreatePurchase
from billing_core.use_cases.decide_access import DecideAccess, RecallAccess
from billing_core.use_cases.detach_payment_method import DetachPaymentMethod
from billing_core.use_cases.explain_access import ExplainAccess
from billing_core.use_cases.find_payment_method import PaymentMethodFinder
from billing_core.use_cases.grant_by_hand import GrantByHand, RevokeGrant
from billing_core.use_cases.keep_journal import KeepJournal
from billing_core.use_cases.known_access import StoredAccess
from billing_core.use_cases.link_customer import LinkCustomer
from billing_core.use_cases.list_events import ListEvents
from billing_core.use_cases.look_up import LookUp
from billing_core.use_cases.open_hosted import OpenHosted
from billing_core.use_cases.open_subscription_checkout import OpenSubscriptionCheckoutSession
from billing_core.use_cases.patience import Patience
from billing_core.use_cases.pause_subscription import PauseSubscription
from billing_core.use_cases.personal_data import EraseCustomer, ExportUser
from billing_core.use_cases.publish_events import PublishEvents
from billing_core.use_cases.pull_catalog import PullCatalog
from billing_core.use_cases.read_report import ReadReport
from billing_core.use_cases.rebuild import Rebuild
from billing_core.use_cases.receive_event import ReceiveEvent
from billing_core.use_cases.reconcile import Reconcile
from billing_core.use_cases.reconcile_object import ReconcileObject
from billing_core.use_cases.refund_duplicates import RefundDuplicates
from billing_core.use_cases.remembered_catalog import RememberedCatalog
from billing_core.use_cases.replay_events import ReplayEvents
from billing_core.use_cases.request_refund import RequestRefund
from billing_core.use_cases.resume_subscription import ResumeSubscription
from billing_core.use_cases.retry_events import RetryEvents
from billing_core.use_cases.run_pauses import RunPauses
from billing_core.use_cases.set_default_payment_method import SetDefaultPaymentMethod
from billing_core.use_cases.settle_doubts import SettleDoubts
from billing_core.use_cases.settle_trials import SettleTrials
from billing_core.use_cases.take_steps import TakeSteps
from billing_core.use_cases.tell_endings import TellEndings
from billing_core.use_cases.try_policies import TryPolicies

__all__ = ["Container", "application_on", "open_application"]


class Container(containers.DeclarativeContainer):
    """The wiring of all use cases. `application` is what comes out."""

    settings: providers.Dependency[Settings] = providers.Dependency(instance_of=Settings)
    ports: providers.Dependency[Ports] = providers.Dependency(instance_of=Ports)

    units, cache, clock = ports.provided.units, ports.provided.cache, ports.provided.clock
    stale_units = ports.provided.stale_units
    lookup, ids = ports.provided.lookup, ports.provided.ids
    policies = settings.provided.policies
    retries, plan_change = policies.retry, policies.plan_change

    catalogs = providers.Singleton(SharedCatalog, providers.Singleton(RememberedCatalog, units, cache))
    stored_access = providers.Singleton(SharedAccess, providers.Singleton(StoredAccess, units, cache).provided.read_all)
    books = providers.Singleton(Bookkeeper, clock=clock, cache=cache)
    patience = providers.Singleton(Patience, ports.provided.wait)
    carry_out = providers.Singleton(
        CarryOut,
        units=units,
        books=books,
        provider=ports.provided.payment_provider,  # `provided.provider` is dependency-injector's own
        lookup=lookup,
        clock=clock,
        ids=ids,
        retries=retries,
        wait=ports.provided.wait,
    )
    keep_journal = providers.Singleton(KeepJournal, units=units, clock=clock)
    changer = providers.Singleton(SubscriptionChanger, units=units, books=books, carry_out=carry_out)
    finder = providers.Singleton(PaymentMethodFinder, units=units, books=books, carry_out=carry_out, lookup=lookup)

    apply_catalog = providers.Singleton(
        ApplyCatalog, units=units, books=books, provider=ports.provided.provider_catalog, clock=clock
    )

    retry_events = providers.Singleton(
        RetryEvents, units=units, books=books, verifier=ports.provided.verifier, clock=clock, retries=retries
    )

    application = providers.Singleton(
        Application,
        settings=settings,
        policies=policies,
        units=units,
        catalogs=catalogs,
        clock=clock,
        real_clock=ports.provided.real_clock,
        user_limit=ports.provided.user_limit,
        address_limit=ports.provided.address_limit,
        metrics=ports.provided.metrics,
        spans=ports.provided.spans,
        expire=ports.provided.expire,
        health=providers.Singleton(HealthChecks, probes=ports.provided.probes, clock=clock),
        answer_once=providers.Singleton(
            AnswerOnce, units=units, clock=ports.provided.real_clock, ids=ids, wait=ports.provided.wait
        ),
        apply_catalog=apply_catalog,
        attach_payment_method=providers.Singleton(AttachPaymentMethod, finder=finder),
        cancel_subscription=providers.Singleton(CancelSubscription, changer=changer, clock=clock),
        carry_out=carry_out,
        change_plan=providers.Singleton(ChangePlan, changer=changer, lookup=lookup, clock=clock, policy=plan_change),
        check_vital_signs=providers.Singleton(
            CheckVitalSigns, units=units, clock=clock, real_clock=ports.provided.real_clock
        ),
        create_purchase=providers.Singleton(
            CreatePurchase,
            units=units,
            books=books,
            carry_out=carry_out,
            prices=ports.provided.prices,
            clock=clock,
            ids=ids,
        ),
        decide_access=providers.Singleton(
            DecideAccess, stored=stored_access, cache=cache, catalogs=catalogs, clock=clock
        ),
        detach_payment_method=providers.Singleton(DetachPaymentMethod, finder=finder),
        erase_customer=providers.Singleton(EraseCustomer, units=units, books=books, patiently=patience, clock=clock),
        export_user=providers.Singleton(ExportUser, units=units, books=books, patiently=patience),
        apply_promotion_code=providers.Singleton(ApplyPromotionCode, changer=changer, lookup=lookup, clock=clock),
        end_discount=providers.Singleton(EndDiscount, changer=changer, clock=clock),
        end_trial=providers.Singleton(EndTrial, changer=changer),
        extend_trial=providers.Singleton(ExtendTrial, changer=changer, clock=clock),
        grant_by_hand=providers.Singleton(
            GrantByHand, units=units, books=books, patiently=patience, clock=clock, ids=ids
        ),
        keep_journal=keep_journal,
        link_customer=providers.Singleton(
            LinkCustomer, units=units, books=books, patiently=patience, lookup=lookup, clock=clock
        ),
        list_events=providers.Singleton(ListEvents, units=units),
        look_up=providers.Singleton(
            LookUp, units=units, stale_units=stale_units, stored=stored_access, cache=cache, clock=clock
        ),
        open_hosted=providers.Singleton(OpenHosted, units=units, carry_out=carry_out),
        open_subscription_checkout=providers.Singleton(
            OpenSubscriptionCheckoutSession,
            units=units,
            books=books,
            carry_out=carry_out,
            clock=clock,
            email_key=settings.provided.trial_email_key,
        ),
        pause_subscription=providers.Singleton(PauseSubscription, changer=changer, clock=clock, ids=ids),
        preview_change=providers.Singleton(
            PreviewChange, changer=changer, lookup=lookup, clock=clock, policy=plan_change
        ),
        publish_events=providers.Singleton(
            PublishEvents, units=units, publisher=ports.provided.publisher, clock=ports.provided.real_clock
        ),
        read_report=providers.Singleton(ReadReport, units=stale_units),
        rebuild=providers.Singleton(Rebuild, units=units, books=books, journal=keep_journal, clock=clock),
        pull_catalog=providers.Singleton(
            PullCatalog, units=units, provider=ports.provided.provider_catalog, apply=apply_catalog
        ),
        recall_access=providers.Singleton(RecallAccess, units=units, books=books),
        receive_event=providers.Singleton(
            GatheredEvents,
            providers.Singleton(
                ReceiveEvent,
                units=units,
                books=books,
                verifier=ports.provided.verifier,
                clock=clock,
                real_clock=ports.provided.real_clock,
                retries=retries,
            ),
        ),
        reconcile=providers.Singleton(
            Reconcile,
            units=units,
            objects=providers.Singleton(
                ReconcileObject,
                units=units,
                books=books,
                ask=providers.Singleton(
                    AskProvider, lookup=ports.provided.patient_lookup, listing=ports.provided.listing
                ),
                wait=ports.provided.wait,
            ),
            lookup=ports.provided.patient_lookup,
            listing=ports.provided.listing,
            clock=clock,
            real_clock=ports.provided.real_clock,
            every=settings.provided.reconcile_every,
        ),
        explain_access=providers.Singleton(ExplainAccess, units=units, books=books, clock=clock),
        refund_duplicates=providers.Singleton(
            RefundDuplicates, units=units, books=books, carry_out=carry_out, clock=clock
        ),
        tell_endings=providers.Singleton(TellEndings, units=units, books=books, clock=clock),
        request_refund=providers.Singleton(RequestRefund, units=units, books=books, carry_out=carry_out, clock=clock),
        resume_subscription=providers.Singleton(ResumeSubscription, changer=changer, clock=clock),
        replay_events=providers.Singleton(ReplayEvents, units=units, tries=retry_events),
        retry_events=retry_events,
        revoke_grant=providers.Singleton(RevokeGrant, units=units, books=books, patiently=patience, clock=clock),
        run_pauses=providers.Singleton(RunPauses, units=units, books=books, carry_out=carry_out, clock=clock),
        set_default_payment_method=providers.Singleton(SetDefaultPaymentMethod, finder=finder),
        settle_doubts=providers.Singleton(
            SettleDoubts,
            units=units,
            books=books,
            ask=providers.Singleton(AskProvider, lookup=lookup, listing=ports.provided.listing),
        ),
        try_policies=providers.Singleton(TryPolicies, units=units, books=books, clock=clock),
        settle_trials=providers.Singleton(SettleTrials, units=units, books=books, carry_out=carry_out, clock=clock),
        take_steps=providers.Singleton(
            TakeSteps, units=units, books=books, carry_out=carry_out, clock=clock, lookup=lookup
        ),
    )


def application_on(settings: Settings, ports: Ports) -> Application:
    """An application on these ports: fakes, in a test."""
    return Container(settings=settings, ports=ports).application()


@asynccontextmanager
async def open_application(settings: Settings, *, briefly: bool = False) -> AsyncIterator[Application]:
    """The application on PostgreSQL, Redis and Stripe, until the context ends.

    It opens also while any of them is away. Raises `SettingsInvalid` where the database's business time is
    ahead of real time and this is not ``billing dev``.

    Args:
        settings: how.
        briefly: it is for one command: Redis's driver is imported only once something is asked of it. Servers have it
            from the beginning, so that nobody's request waits for an import.
    """
    async with AsyncExitStack() as stack:
        spans = _spans(settings)
        if spans is not None:
            stack.callback(spans.close)
        pool = await _pool(settings, settings.database_url, spans)
        stack.push_async_callback(pool.close)
        replica = await _pool(settings, settings.database_replica_url, spans) if settings.database_replica_url else None
        if replica is not None:
            stack.push_async_callback(replica.close)
        metrics = Metrics()
        redis = RedisConnection(settings, metrics, spans)
        stack.push_async_callback(redis.close)
        connections = StripeConnections(settings, metrics, spans)
        stack.push_async_callback(connections.close)
        clock = BusinessClock(RealClock())
        await stack.enter_async_context(following_business_time(clock, pool, settings))
        await stack.enter_async_context(sampling(metrics, pool))
        ports = _ports(
            settings,
            pool=pool,
            redis=redis,
            make=deferred if briefly else _at_once,
            connections=connections,
            clock=clock,
            metrics=metrics,
        )
        if replica is not None:
            ports = evolve(ports, stale_units=billing_postgres.PostgresUnitsOfWork(pool, replica=replica))
        yield application_on(settings, evolve(ports, spans=spans))


async def _pool(settings: Settings, url: str, spans: Spans | None) -> billing_postgres.Pool:
    return await billing_postgres.open_pool(
        url,
        connections_max=settings.database_pool_max,
        prepare_threshold=5 if settings.database_prepared_statements else None,
        watch=spans.statement if spans else None,
    )


def _spans(settings: Settings) -> Spans | None:
    if settings.tracing_endpoint is None:
        return None
    from billing_bootstrap.tracing import open_tracing  # noqa: PLC0415 - only whoever traces has OpenTelemetry

    return open_tracing()


class _Make(Protocol):
    def __call__(self, make: Callable[[], Port], /) -> Port: ...


def _ports(
    settings: Settings,
    *,
    pool: billing_postgres.Pool,
    redis: RedisConnection,
    make: _Make,
    connections: StripeConnections,
    clock: BusinessClock,
    metrics: Metrics,
) -> Ports:
    """The real adapters; where something is not configured, one that says so when it is needed."""
    key, secrets = settings.stripe_secret_key, settings.stripe_webhook_secrets
    there_is_redis = bool(settings.redis_url)
    return Ports(
        units=billing_postgres.PostgresUnitsOfWork(pool),
        cache=CountedCache(
            make(lambda: billing_redis.RedisAccessCache(redis.link)) if there_is_redis else NoCache(), metrics
        ),
        payment_provider=deferred(lambda: billing_stripe.StripeProvider(connections.prompt)) if key else NoProvider(),
        lookup=deferred(lambda: billing_stripe.StripeLookup(connections.prompt)) if key else NoProvider(),
        patient_lookup=deferred(lambda: billing_stripe.StripeLookup(connections.patient)) if key else NoProvider(),
        listing=deferred(lambda: billing_stripe.StripeListing(connections.patient)) if key else NoProvider(),
        provider_catalog=deferred(lambda: billing_stripe.StripeCatalog(connections.prompt)) if key else NoProvider(),
        verifier=(
            billing_stripe.StripeWebhookVerifier(secrets, livemode=billing_stripe.is_live(key))
            if key and secrets
            else NoWebhooks()
        ),
        publisher=make(lambda: billing_redis.RedisEventPublisher(redis.link)) if there_is_redis else NoPublisher(),
        prices=CatalogPrices(),
        clock=clock,
        real_clock=clock.real,
        ids=NewIds(),
        wait=asyncio.sleep,
        metrics=metrics,
        user_limit=make(
            lambda: billing_redis.RateLimiter(settings.rate_limit_user, redis.link if there_is_redis else None)
        ),
        address_limit=make(
            lambda: billing_redis.RateLimiter(settings.rate_limit_address, redis.link if there_is_redis else None)
        ),
        probes=Probes(
            database=partial(billing_postgres.ping, pool),
            cache=redis.probe,
            unpublished_since=partial(billing_postgres.unpublished_since, pool),
        ),
        expire=partial(_expire, pool),
    )


def _at_once(make: Callable[[], Port]) -> Port:
    """As `deferred`, but made now."""
    return make()


async def _expire(pool: billing_postgres.Pool, now: datetime) -> int:
    """What is past its time; and there is a place for what is to come."""
    await billing_postgres.make_partitions(pool, now)
    return (await billing_postgres.expire(pool, now)).total
