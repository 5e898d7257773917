"""The application: every use case, wired. What an entrypoint is given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from attrs import Factory, field, frozen

from billing_bootstrap.gathering import GatheredEvents
from billing_bootstrap.health import HealthChecks, Probes
from billing_bootstrap.metrics import Metrics
from billing_bootstrap.settings import Settings
from billing_bootstrap.spans import Spans
from billing_core.domain.policies import Policies
from billing_core.ports.cache import AccessCache
from billing_core.ports.catalogs import CatalogSource
from billing_core.ports.clock import Clock
from billing_core.ports.ids import IdSource
from billing_core.ports.price_book import PriceBook
from billing_core.ports.provider import Provider, ProviderCatalog, ProviderLookup, WebhookVerifier
from billing_core.ports.provider_listing import ProviderListing
from billing_core.ports.publisher import EventPublisher
from billing_core.ports.rate_limits import RateLimiter
from billing_core.ports.unit_of_work import UnitsOfWork
from billing_core.use_cases.answer_once import AnswerOnce
from billing_core.use_cases.apply_catalog import ApplyCatalog
from billing_core.use_cases.attach_payment_method import AttachPaymentMethod
from billing_core.use_cases.cancel_subscription import CancelSubscription
from billing_core.use_cases.carry_out import CarryOut
from billing_core.use_cases.change_discount import ApplyPromotionCode, EndDiscount
from billing_core.use_cases.change_plan import ChangePlan, PreviewChange
from billing_core.use_cases.change_trial import EndTrial, ExtendTrial
from billing_core.use_cases.check_vital_signs import CheckVitalSigns
from billing_core.use_cases.create_purchase import CreatePurchase
from billing_core.use_cases.decide_access import DecideAccess, RecallAccess
from billing_core.use_cases.detach_payment_method import DetachPaymentMethod
from billing_core.use_cases.explain_access import ExplainAccess
from billing_core.use_cases.grant_by_hand import GrantByHand, RevokeGrant
from billing_core.use_cases.keep_journal import KeepJournal
from billing_core.use_cases.link_customer import LinkCustomer
from billing_core.use_cases.list_events import ListEvents
from billing_core.use_cases.look_up import LookUp
from billing_core.use_cases.open_hosted import OpenHosted
from billing_core.use_cases.open_subscription_checkout import OpenSubscriptionCheckoutSession
from billing_core.use_cases.patience import Wait
from billing_core.use_cases.pause_subscription import PauseSubscription
from billing_core.use_cases.personal_data import EraseCustomer, ExportUser
from billing_core.use_cases.publish_events import PublishEvents
from billing_core.use_cases.pull_catalog import PullCatalog
from billing_core.use_cases.read_report import ReadReport
from billing_core.use_cases.rebuild import Rebuild
from billing_core.use_cases.reconcile import Reconcile
from billing_core.use_cases.refund_duplicates import RefundDuplicates
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

__all__ = ["Application", "Ports"]


@frozen(kw_only=True)
class Ports:
    """What stands behind the ports: adapters in a process that runs, fakes in a test."""

    units: UnitsOfWork
    cache: AccessCache
    payment_provider: Provider
    lookup: ProviderLookup
    #: For what nobody waits for: it stays under the provider's rate limit, and has patience where that is reached.
    patient_lookup: ProviderLookup
    listing: ProviderListing
    provider_catalog: ProviderCatalog
    verifier: WebhookVerifier
    publisher: EventPublisher
    prices: PriceBook
    #: Business time, and the time of this machine.
    clock: Clock
    real_clock: Clock
    ids: IdSource
    wait: Wait
    #: Requests of one user, and of one address.
    user_limit: RateLimiter
    address_limit: RateLimiter
    probes: Probes
    #: Removes what is kept for a time only and is past it at a moment (UTC, real time): how much was removed.
    expire: Callable[[datetime], Awaitable[int]]
    #: For what may be a little old: perhaps a replica's.
    stale_units: UnitsOfWork = field(default=Factory(lambda self: self.units, takes_self=True))
    metrics: Metrics = field(factory=Metrics)
    #: None where nothing is traced.
    spans: Spans | None = None


@frozen(kw_only=True)
class Application:
    """Every use case as an attribute, and what entrypoints ask of the house itself."""

    settings: Settings
    policies: Policies
    units: UnitsOfWork
    catalogs: CatalogSource
    clock: Clock
    real_clock: Clock
    user_limit: RateLimiter
    address_limit: RateLimiter
    health: HealthChecks
    expire: Callable[[datetime], Awaitable[int]]
    metrics: Metrics
    spans: Spans | None

    answer_once: AnswerOnce
    apply_catalog: ApplyCatalog
    attach_payment_method: AttachPaymentMethod
    cancel_subscription: CancelSubscription
    carry_out: CarryOut
    change_plan: ChangePlan
    check_vital_signs: CheckVitalSigns
    create_purchase: CreatePurchase
    decide_access: DecideAccess
    explain_access: ExplainAccess
    detach_payment_method: DetachPaymentMethod
    erase_customer: EraseCustomer
    export_user: ExportUser
    apply_promotion_code: ApplyPromotionCode
    end_discount: EndDiscount
    end_trial: EndTrial
    extend_trial: ExtendTrial
    grant_by_hand: GrantByHand
    keep_journal: KeepJournal
    link_customer: LinkCustomer
    list_events: ListEvents
    look_up: LookUp
    open_hosted: OpenHosted
    open_subscription_checkout: OpenSubscriptionCheckoutSession
    pause_subscription: PauseSubscription
    preview_change: PreviewChange
    publish_events: PublishEvents
    read_report: ReadReport
    pull_catalog: PullCatalog
    rebuild: Rebuild
    recall_access: RecallAccess
    receive_event: GatheredEvents
    reconcile: Reconcile
    refund_duplicates: RefundDuplicates
    replay_events: ReplayEvents
    request_refund: RequestRefund
    resume_subscription: ResumeSubscription
    retry_events: RetryEvents
    revoke_grant: RevokeGrant
    run_pauses: RunPauses
    set_default_payment_method: SetDefaultPaymentMethod
    settle_doubts: SettleDoubts
    tell_endings: TellEndings
    try_policies: TryPolicies
    settle_trials: SettleTrials
    take_steps: TakeSteps
