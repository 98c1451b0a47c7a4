// What Nexus takes and answers, as types. Written by "nexus client typescript --types"; change the routes, not this file.

/** What stands in an address. */
export type Word = string | number | boolean;

/** What each operation takes and answers, by its method and path; what may be left out is optional. */
export interface Operations {
  /** The console */
  'GET /': { answer: null };
  /** Public keys of tokens */
  'GET /.well-known/jwks.json': { answer: {
    keys: Array<{
      kty: string;
      kid: string;
      [name: string]: unknown;
    }>;
  } };
  /** OAuth 2.0 authorization server metadata */
  'GET /.well-known/oauth-authorization-server': { answer: null };
  /** OpenID Connect discovery */
  'GET /.well-known/openid-configuration': { answer: null };
  /** Requests of what is served, for Insomnia */
  'GET /api/insomnia-collection.json': { answer: Record<string, unknown> };
  /** Requests of what is served, for Postman and newman */
  'GET /api/postman-collection.json': { answer: Record<string, unknown> };
  /** The same under its older address */
  'GET /api/v1/admin/security/alerts': { answer: Array<Alert> };
  /** The same under its older address */
  'POST /api/v1/admin/security/block-ip': { body: {
    address: string;
    minutes?: number;
    reason?: string;
  }; answer: AddressBlock };
  /** Own keys, or with ?user=all those of everybody */
  'GET /api/v1/api-keys': { query?: { user?: Word }; answer: {
    items: Array<CoreIdentityKeyView>;
    nextCursor?: string | null;
    total?: number | null;
  } };
  /** Make a key; the answer is the only place where it is shown */
  'POST /api/v1/api-keys': { body: CoreIdentityKeyRequest; answer: CoreIdentityKeyView };
  /** A key */
  'GET /api/v1/api-keys/{id}': { path: { id: Word }; answer: CoreIdentityKeyView };
  /** Revoke a key */
  'DELETE /api/v1/api-keys/{id}': { path: { id: Word }; answer: null };
  /** Entries of the audit trail, newest first */
  'GET /api/v1/audit': { query?: { actor?: Word; action?: Word; subject?: Word; result?: Word; address?: Word; correlationId?: Word; from?: Word; to?: Word; q?: Word; limit?: Word; cursor?: Word }; answer: CoreAuditEntryPage };
  /** Say that the database was put back to an earlier state, and why; the gap stays in the anchors and in every verification */
  'POST /api/v1/audit/acknowledge': { body: Record<string, unknown>; answer: CoreAuditAcknowledgement };
  /** Alerts that patterns of the trail raised, newest first */
  'GET /api/v1/audit/alerts': { query?: { limit?: Word }; answer: {
    items: Array<CoreAuditAlert>;
  } };
  /** Move entries beyond the retention to files now */
  'POST /api/v1/audit/archive': { answer: {
    archives: Array<CoreAuditArchive>;
  } };
  /** Write entries to a file with its proof: {"format": "jsonl"} or csv, and what the list is filtered by */
  'POST /api/v1/audit/exports': { body: Record<string, unknown>; answer: CoreAuditFileProof };
  /** Exports and reports with their proofs, newest first */
  'GET /api/v1/audit/files': { answer: {
    items: Array<CoreAuditFileProof>;
  } };
  /** An export or report */
  'GET /api/v1/audit/files/{name}': { path: { name: Word }; answer: string };
  /** Write a compliance report to a file with its proof: {"kind": "access"} or configuration, and what the list is filtered by */
  'POST /api/v1/audit/reports': { body: Record<string, unknown>; answer: CoreAuditFileProof };
  /** How far the trail is sealed, and by which key */
  'GET /api/v1/audit/status': { answer: CoreAuditTrailStatus };
  /** Check the whole trail; the first altered, missing, inserted or reordered entry is named. Progress is streamed to who accepts application/x-ndjson */
  'POST /api/v1/audit/verify': { answer: CoreAuditVerification };
  /** One entry */
  'GET /api/v1/audit/{position}': { path: { position: Word }; answer: CoreAuditEntry };
  /** Evidence that an entry lies in the sealed trail */
  'GET /api/v1/audit/{position}/proof': { path: { position: Word }; answer: CoreAuditEntryProof };
  /** Whether the own second factor is enabled */
  'GET /api/v1/auth/2fa': { answer: CoreIdentityTwoFactorState };
  /** Replace the backup codes; needs a code */
  'POST /api/v1/auth/2fa/backup-codes': { body: CoreIdentityCodeRequest; answer: CoreIdentityBackupCodes };
  /** Complete a sign-in that asked for a second factor */
  'POST /api/v1/auth/2fa/challenge': { body: CoreIdentityChallengeRequest; answer: CoreIdentityTokenView };
  /** Disable the own second factor with one of its codes */
  'POST /api/v1/auth/2fa/disable': { body: CoreIdentityCodeRequest; answer: null };
  /** Get a secret for an authenticator application; it counts once a code was verified */
  'POST /api/v1/auth/2fa/enable': { answer: CoreIdentityTwoFactorSecret };
  /** Show a code and so enable the second factor; answers with backup codes, this once */
  'POST /api/v1/auth/2fa/verify': { body: CoreIdentityCodeRequest; answer: CoreIdentityBackupCodes };
  /** May I, or somebody, do this? Which role decides? */
  'POST /api/v1/auth/check-permissions': { body: CoreIdentityCheckRequest; answer: CoreIdentityCheckView };
  /** Clients of the issuer */
  'GET /api/v1/auth/clients': { answer: CoreIdentityClientList };
  /** Register a client */
  'POST /api/v1/auth/clients': { body: CoreIdentityClientRequest; answer: CoreIdentityClient };
  /** Remove a client */
  'DELETE /api/v1/auth/clients/{id}': { path: { id: Word }; answer: null };
  /** Sign with a new key from now on */
  'POST /api/v1/auth/keys/rotate': { answer: {
    keys: Array<{
      kty: string;
      kid: string;
      [name: string]: unknown;
    }>;
  } };
  /** Refuse all tokens of a key from now on */
  'DELETE /api/v1/auth/keys/{kid}': { path: { kid: Word }; answer: null };
  /** Sign in with name and password */
  'POST /api/v1/auth/login': { body: CoreIdentityLoginRequest; answer: CoreIdentityTokenView };
  /** End this sign-in session, or that of a refresh token */
  'POST /api/v1/auth/logout': { answer: null };
  /** Who is signed in */
  'GET /api/v1/auth/me': { answer: CoreIdentityUserView };
  /** Change the own profile */
  'PUT /api/v1/auth/me': { body: CoreIdentityProfileRequest; answer: CoreIdentityUserView };
  /** Delete the own account; the body repeats the password */
  'DELETE /api/v1/auth/me': { body: CoreIdentityConfirmRequest; answer: null };
  /** Change the own profile */
  'PATCH /api/v1/auth/me': { body: CoreIdentityProfileRequest; answer: CoreIdentityUserView };
  /** Own preferences */
  'GET /api/v1/auth/me/preferences': { answer: Record<string, unknown> };
  /** Replace the own preferences */
  'PUT /api/v1/auth/me/preferences': { body: Record<string, unknown>; answer: Record<string, unknown> };
  /** Change some of the own preferences */
  'PATCH /api/v1/auth/me/preferences': { body: Record<string, unknown>; answer: Record<string, unknown> };
  /** Sites that users can sign in with */
  'GET /api/v1/auth/oauth': { answer: CoreIdentityProviderList };
  /** Where the other site sends the browser back to */
  'GET /api/v1/auth/oauth/{provider}/callback': { path: { provider: Word }; answer: CoreIdentityTokenView };
  /** Sign in with another site; return_to is a path of this site */
  'GET /api/v1/auth/oauth/{provider}/start': { path: { provider: Word }; query?: { return_to?: Word; tenant?: Word }; answer: null };
  /** Own passkeys */
  'GET /api/v1/auth/passkeys': { answer: CoreIdentityPasskeyList };
  /** Register a passkey with the device's answer */
  'POST /api/v1/auth/passkeys/register': { body: CoreIdentityPasskeyAnswer; answer: CoreIdentityPasskeyView };
  /** Begin to register a passkey */
  'POST /api/v1/auth/passkeys/register/options': { answer: CoreIdentityPasskeyOptions };
  /** Sign in with the device's answer */
  'POST /api/v1/auth/passkeys/sign-in': { body: CoreIdentityPasskeyAnswer; answer: CoreIdentityTokenView };
  /** Begin to sign in with a passkey */
  'POST /api/v1/auth/passkeys/sign-in/options': { answer: CoreIdentityPasskeyOptions };
  /** Remove one of the own passkeys */
  'DELETE /api/v1/auth/passkeys/{id}': { path: { id: Word }; answer: null };
  /** Change the own password */
  'PUT /api/v1/auth/password': { body: CoreIdentityPasswordChangeRequest; answer: CoreIdentityMessageView };
  /** Change the own password */
  'POST /api/v1/auth/password/change': { body: CoreIdentityPasswordChangeRequest; answer: CoreIdentityMessageView };
  /** Ask for a letter that sets a new password */
  'POST /api/v1/auth/password/forgot': { body: CoreIdentityAddressRequest; answer: CoreIdentityMessageView };
  /** What a password must be */
  'GET /api/v1/auth/password/policy': { answer: CoreIdentityPasswordRulesView };
  /** Set a new password by the token of a letter */
  'POST /api/v1/auth/password/reset': { body: CoreIdentityPasswordResetRequest; answer: CoreIdentityMessageView };
  /** Exchange a refresh token for new tokens */
  'POST /api/v1/auth/refresh': { body: CoreIdentityRefreshRequest; answer: CoreIdentityTokenView };
  /** Register */
  'POST /api/v1/auth/register': { body: CoreIdentityRegisterRequest; answer: CoreIdentityUserView };
  /** Roles and the names of scopes */
  'GET /api/v1/auth/roles': { answer: CoreIdentityRolesView };
  /** Own sign-in sessions */
  'GET /api/v1/auth/sessions': { answer: {
    items: Array<CoreIdentitySessionView>;
    nextCursor?: string | null;
    total?: number | null;
  } };
  /** End all own sign-in sessions but this one */
  'DELETE /api/v1/auth/sessions': { answer: CoreIdentityEndedView };
  /** End one of the own sign-in sessions */
  'DELETE /api/v1/auth/sessions/{id}': { path: { id: Word }; answer: null };
  /** How one can sign in here */
  'GET /api/v1/auth/status': { answer: CoreIdentityStatusView };
  /** Confirm an e-mail address by the link of a letter */
  'GET /api/v1/auth/verify-email': { query?: { token?: Word }; answer: CoreIdentityMessageView };
  /** Confirm an e-mail address by the token of a letter */
  'POST /api/v1/auth/verify-email': { body: CoreIdentityTokenRequest; answer: CoreIdentityMessageView };
  /** Send the letter again */
  'POST /api/v1/auth/verify-email/resend': { body: CoreIdentityAddressRequest; answer: CoreIdentityMessageView };
  /** The cache's levels with entries, bytes, hits and latency */
  'GET /api/v1/cache': { answer: CacheStatus };
  /** Remove cached values */
  'DELETE /api/v1/cache': { query?: { pattern?: Word; level?: Word }; answer: CacheCleared };
  /** Every configuration value, secrets hidden */
  'GET /api/v1/config': { query?: { section?: Word; mask_secrets?: Word }; answer: Array<ConfigurationValue> };
  /** Store settings and apply them; null removes a stored one */
  'PUT /api/v1/config': { query?: { section?: Word }; body: Record<string, unknown>; answer: SettingsStored };
  /** Read the configuration files again */
  'POST /api/v1/config/reload': { answer: SettingsStored };
  /** Documents under a path of the tree */
  'GET /api/v1/data': { query?: { prefix?: Word; limit?: Word; cursor?: Word }; answer: Array<DocumentView> };
  /** Delete everything of a tenant */
  'DELETE /api/v1/data': { query?: { tenant?: Word; confirm?: Word }; answer: TenantDeleted };
  /** Everything of a tenant as a ZIP file; encrypted fields are masked */
  'GET /api/v1/data/export': { query?: { tenant?: Word }; answer: string };
  /** Collections, indexes and SQL tables of a plugin */
  'GET /api/v1/data/schema': { query?: { plugin?: Word }; answer: DataSchema };
  /** One document; a.b.c and a/b/c name the same */
  'GET /api/v1/data/{path}': { path: { path: Word }; answer: unknown };
  /** The primary database with its version, standbys, connections and the declared indexes with their sizes */
  'GET /api/v1/database': { answer: DatabaseView };
  /** Many changes of one resource, each on its own or all in one commit */
  'POST /api/v1/database/bulk': { body: {
    resource: string;
    atomic?: boolean;
    operations: Array<{
      op: "insert" | "replace" | "update" | "delete";
      id?: string;
      data?: Record<string, unknown>;
    }>;
  }; answer: DatabaseChanges };
  /** Make declared indexes again that are missing, and bring the planner's figures up to date */
  'POST /api/v1/database/optimize': { answer: DatabaseOptimized };
  /** Records of a resource by filter, sort and projection, with their count */
  'POST /api/v1/database/query': { body: {
    resource: string;
    filter?: Record<string, unknown>;
    sort?: Array<string>;
    fields?: Array<string>;
    q?: string;
    limit?: number;
    offset?: number;
  }; answer: DatabaseRecords };
  /** The error catalogue */
  'GET /api/v1/errors': { answer: Array<ErrorCode> };
  /** One error with its cause and remedy */
  'GET /api/v1/errors/{code}': { path: { code: Word }; answer: ErrorCode };
  /** Stored events, oldest first */
  'GET /api/v1/events': { query?: { pattern?: Word; after?: Word; correlationId?: Word; from?: Word; to?: Word; newest?: Word; limit?: Word }; answer: Array<EventView> };
  /** Publish an event */
  'POST /api/v1/events': { body: {
    name: string;
    data?: unknown;
    key?: string;
    priority?: number;
    correlationId?: string;
    expiresAt?: string;
    transient?: boolean;
    encrypted?: boolean;
  }; answer: EventPublished };
  /** Publish up to 1,000 events in one commit: all or none */
  'POST /api/v1/events/bulk': { body: {
    events: Array<{
      name: string;
    }>;
  }; answer: EventsPublished };
  /** Deliveries that failed for good */
  'GET /api/v1/events/dead-letters': { query?: { group?: Word; limit?: Word }; answer: Array<EventView> };
  /** Make dead letters due again */
  'POST /api/v1/events/dead-letters/replay': { query?: { group?: Word; event?: Word }; answer: DeliveriesReplayed };
  /** Remove stored events that no group waits for */
  'POST /api/v1/events/purge': { body: {
    before: string;
    pattern?: string;
    dryRun?: boolean;
  }; answer: EventsPurged };
  /** How far a group is with the events of a replay */
  'GET /api/v1/events/replay': { query?: { group?: Word; pattern?: Word; from?: Word; to?: Word }; answer: ReplayProgress };
  /** Make stored events due again for one group */
  'POST /api/v1/events/replay': { body: {
    group: string;
    pattern?: string;
    from?: string;
    to?: string;
    dryRun?: boolean;
    /** all that fit, or those that failed for good */
    mode?: "all" | "dead";
    /** before the first */
    delaySeconds?: number;
    /** between one and the next */
    spacingSeconds?: number;
  }; answer: EventsReplayed };
  /** Counts since the node started, in all and by event name */
  'GET /api/v1/events/stats': { query?: { group_by?: Word }; answer: EventStatistics };
  /** Events of a plugin's stream in order */
  'GET /api/v1/events/streams/{plugin}/{stream}': { path: { plugin: Word; stream: Word }; query?: { from?: Word; backward?: Word; limit?: Word }; answer: EventStreamView };
  /** Events of a stream in order */
  'GET /api/v1/events/streams/{stream}': { path: { stream: Word }; query?: { from?: Word; backward?: Word; limit?: Word }; answer: EventStreamView };
  /** Append events to a stream, if it has the expected version */
  'POST /api/v1/events/streams/{stream}': { path: { stream: Word }; body: {
    expectedVersion?: number;
    events: Array<{
      name: string;
    }>;
  }; answer: StreamAppended };
  /** Subscriptions that are active on this node */
  'GET /api/v1/events/subscribers': { answer: Array<EventSubscriber> };
  /** Webhooks, oldest first */
  'GET /api/v1/events/webhooks': { answer: Array<Webhook> };
  /** Send matching events to an address, signed; the answer has the secret, this once */
  'POST /api/v1/events/webhooks': { body: {
    url?: string;
    patterns?: Array<string>;
    filter?: Record<string, unknown>;
    enabled?: boolean;
    decrypt?: boolean;
    maxAttempts?: number;
    retrySeconds?: number;
    minPriority?: number;
    maxPriority?: number;
    batchSize?: number;
  }; answer: WebhookSecret };
  /** One webhook */
  'GET /api/v1/events/webhooks/{id}': { path: { id: Word }; answer: Webhook };
  /** Remove a webhook with what waits for it */
  'DELETE /api/v1/events/webhooks/{id}': { path: { id: Word }; answer: null };
  /** Change, enable or disable a webhook */
  'PATCH /api/v1/events/webhooks/{id}': { path: { id: Word }; body: {
    url?: string;
    patterns?: Array<string>;
    filter?: Record<string, unknown>;
    enabled?: boolean;
    decrypt?: boolean;
    maxAttempts?: number;
    retrySeconds?: number;
    minPriority?: number;
    maxPriority?: number;
    batchSize?: number;
  }; answer: Webhook };
  /** What became of the events for a webhook */
  'GET /api/v1/events/webhooks/{id}/deliveries': { path: { id: Word }; query?: { state?: Word }; answer: Array<EventView> };
  /** Give a webhook another secret; the one before signs as well for a day */
  'POST /api/v1/events/webhooks/{id}/rotate': { path: { id: Word }; answer: WebhookSecret };
  /** One event with its publisher and each delivery */
  'GET /api/v1/events/{id}': { path: { id: Word }; answer: EventView };
  /** Groups */
  'GET /api/v1/groups': { answer: {
    items: Array<CoreIdentityGroupView>;
    nextCursor?: string | null;
    total?: number | null;
  } };
  /** Make a group */
  'POST /api/v1/groups': { body: CoreIdentityGroupRequest; answer: CoreIdentityGroupView };
  /** A group with its members */
  'GET /api/v1/groups/{name}': { path: { name: Word }; answer: CoreIdentityGroupView };
  /** Change a group */
  'PUT /api/v1/groups/{name}': { path: { name: Word }; body: CoreIdentityGroupRequest; answer: CoreIdentityGroupView };
  /** Delete a group; its members leave it */
  'DELETE /api/v1/groups/{name}': { path: { name: Word }; answer: null };
  /** Take a user into a group */
  'PUT /api/v1/groups/{name}/members/{user}': { path: { name: Word; user: Word }; answer: CoreIdentityGroupView };
  /** Take a user out of a group */
  'DELETE /api/v1/groups/{name}/members/{user}': { path: { name: Word; user: Word }; answer: CoreIdentityGroupView };
  /** The newest lines of the node's log, oldest first */
  'GET /api/v1/logs': { query?: { level?: Word; component?: Word; search?: Word; request?: Word; from?: Word; to?: Word; limit?: Word; after?: Word }; answer: Array<NodeLogLine> };
  /** Letters that could not be delivered */
  'GET /api/v1/mail/dead-letters': { answer: {
    items: Array<CoreIdentityDeadLetter>;
    nextCursor?: string | null;
    total?: number | null;
  } };
  /** Remove a dead letter */
  'DELETE /api/v1/mail/dead-letters/{id}': { path: { id: Word }; answer: null };
  /** Send a dead letter again */
  'POST /api/v1/mail/dead-letters/{id}/retry': { path: { id: Word }; answer: CoreIdentityMessageView };
  /** The nodes that live, with roles, addresses and plugins */
  'GET /api/v1/nodes': { answer: Array<NodeStatus> };
  /** The newest change of each plugin on all nodes, with each node's part */
  'GET /api/v1/nodes/changes': { answer: Array<RollingChange> };
  /** The newest change of one plugin on all nodes */
  'GET /api/v1/nodes/changes/{plugin}': { path: { plugin: Word }; answer: RollingChange };
  /** One node; 'self' is the one that answers */
  'GET /api/v1/nodes/{id}': { path: { id: Word }; answer: NodeStatus };
  /** What happened lately and concerns the caller, newest first: own tasks that ended, changes of the own account, and for who may read them plugins that failed and dead letters */
  'GET /api/v1/notifications': { answer: NotificationList };
  /** Mark notifications as seen: those named, or all */
  'POST /api/v1/notifications/read': { body: {
    ids?: Array<string>;
  }; answer: NotificationList };
  /** The slowest routes and queries of this node since it began, and its last slow queries with their plans */
  'GET /api/v1/performance': { query?: { sort?: Word; limit?: Word }; answer: PerformanceView };
  /** Rules about resources by pattern */
  'GET /api/v1/permissions': { answer: {
    items: Array<CoreIdentityResourcePolicy>;
    nextCursor?: string | null;
    total?: number | null;
  } };
  /** Make a rule about resources */
  'POST /api/v1/permissions': { body: CoreIdentityPolicyRequest; answer: CoreIdentityResourcePolicy };
  /** A rule about resources */
  'GET /api/v1/permissions/{name}': { path: { name: Word }; answer: CoreIdentityResourcePolicy };
  /** Make or replace a rule about resources */
  'PUT /api/v1/permissions/{name}': { path: { name: Word }; body: CoreIdentityPolicyRequest; answer: CoreIdentityResourcePolicy };
  /** Delete a rule about resources */
  'DELETE /api/v1/permissions/{name}': { path: { name: Word }; answer: null };
  /** Every known plugin with its state */
  'GET /api/v1/plugins': { answer: Array<PluginView> };
  /** Install a package: a .nxp file as multipart upload, a path on the node, an http(s) address, or an id of a registry */
  'POST /api/v1/plugins': { query?: { force?: Word; activate?: Word; update?: Word; allNodes?: Word }; body: {
    path?: string;
    source?: string;
    update?: boolean;
    force?: boolean;
    activate?: boolean;
  }; answer: PluginChanged | RollingChange };
  /** Send a message to every plugin that takes messages and answer with their replies */
  'POST /api/v1/plugins/broadcast': { body: {
    data: unknown;
    /** seconds, up to 60; 5 when absent */
    timeout?: number;
    categories?: Array<string>;
    exclude?: Array<string>;
  }; answer: PluginReplies };
  /** Look into the plugin folders again */
  'POST /api/v1/plugins/discover': { answer: PluginChanged };
  /** What an install or update would change: versions, permissions, dependencies, settings; verifies the package and runs no code of it */
  'POST /api/v1/plugins/preview': { body: {
    path?: string;
    source?: string;
  }; answer: PluginPreview };
  /** The configured registries and whether they can be read */
  'GET /api/v1/plugins/repositories': { answer: Array<PluginRepository> };
  /** Plugins that the configured registries offer, each in its highest version */
  'GET /api/v1/plugins/search': { query?: { query?: Word; category?: Word; author?: Word; tags?: Word; min_rating?: Word; sort?: Word }; answer: Array<PluginOffer> };
  /** Number of plugins in each state */
  'GET /api/v1/plugins/summary': { answer: Record<string, number> };
  /** One plugin with its manifest */
  'GET /api/v1/plugins/{id}': { path: { id: Word }; answer: PluginDetail };
  /** Stop and forget a plugin */
  'DELETE /api/v1/plugins/{id}': { path: { id: Word }; query?: { force?: Word; deleteData?: Word; allNodes?: Word }; answer: PluginChanged | RollingChange };
  /** Configuration of one plugin, secrets hidden */
  'GET /api/v1/plugins/{id}/config': { path: { id: Word }; answer: PluginConfiguration };
  /** Store settings of one plugin and apply them without a restart; null removes a stored one */
  'PUT /api/v1/plugins/{id}/config': { path: { id: Word }; body: Record<string, unknown>; answer: SettingsStored };
  /** Clear the stored flag and stop */
  'POST /api/v1/plugins/{id}/disable': { path: { id: Word }; query?: { force?: Word; allNodes?: Word }; answer: PluginChanged | RollingChange };
  /** Set the stored flag and start */
  'POST /api/v1/plugins/{id}/enable': { path: { id: Word }; query?: { allNodes?: Word }; answer: PluginChanged | RollingChange };
  /** Health of one plugin */
  'GET /api/v1/plugins/{id}/health': { path: { id: Word }; answer: PluginHealthView };
  /** The newest lines that a plugin logged, oldest first */
  'GET /api/v1/plugins/{id}/logs': { path: { id: Word }; query?: { level?: Word; limit?: Word; after?: Word }; answer: Array<PluginLogLine> };
  /** Send a message to one plugin and answer with its reply */
  'POST /api/v1/plugins/{id}/message': { path: { id: Word }; body: {
    data: unknown;
    /** seconds, up to 60; 5 when absent */
    timeout?: number;
  }; answer: PluginReply };
  /** Request counts and memory of one plugin */
  'GET /api/v1/plugins/{id}/metrics': { path: { id: Word }; query?: { memory?: Word }; answer: PluginMetrics };
  /** Capabilities that a plugin asks for, has and was denied, and permissions that guard it */
  'GET /api/v1/plugins/{id}/permissions': { path: { id: Word }; answer: PluginPermissionsView };
  /** Grant, deny or revoke capabilities of a plugin; it counts at its next use */
  'PUT /api/v1/plugins/{id}/permissions': { path: { id: Word }; body: {
    grant?: Array<string>;
    deny?: Array<string>;
    revoke?: Array<string>;
  }; answer: PluginPermissionsView };
  /** Swap for a fresh generation of what is on disk */
  'POST /api/v1/plugins/{id}/reload': { path: { id: Word }; answer: PluginChanged };
  /** Swap back to the previous version */
  'POST /api/v1/plugins/{id}/rollback': { path: { id: Word }; query?: { allNodes?: Word }; answer: PluginChanged | RollingChange };
  /** Let a part of the callers reach a new version, or change their share; 100 promotes it, 0 aborts */
  'POST /api/v1/plugins/{id}/rollout': { path: { id: Word }; body: {
    percent: number;
    path?: string;
    source?: string;
  }; answer: PluginChanged };
  /** Swap for another package: a .nxp file as multipart upload, a path on the node, an http(s) address, or an id of a registry */
  'POST /api/v1/plugins/{id}/update': { path: { id: Word }; query?: { force?: Word; activate?: Word; allNodes?: Word }; body: {
    path?: string;
    source?: string;
    force?: boolean;
  }; answer: PluginChanged | RollingChange };
  /** What keeps retired generations of a plugin in memory */
  'GET /api/v1/plugins/{id}/why-alive': { path: { id: Word }; answer: PluginAlive };
  /** The resources that the caller may do anything with: fields, actions, address, and what of it is allowed */
  'GET /api/v1/resources': { query?: { name?: Word }; answer: Array<ResourceView> };
  /** Roles */
  'GET /api/v1/roles': { answer: {
    items: Array<CoreIdentityRoleView>;
    nextCursor?: string | null;
    total?: number | null;
  } };
  /** Make a role */
  'POST /api/v1/roles': { body: CoreIdentityRoleRequest; answer: CoreIdentityRoleView };
  /** A role */
  'GET /api/v1/roles/{name}': { path: { name: Word }; answer: CoreIdentityRoleView };
  /** Change a role */
  'PUT /api/v1/roles/{name}': { path: { name: Word }; body: CoreIdentityRoleRequest; answer: CoreIdentityRoleView };
  /** Delete a role; who has it loses it */
  'DELETE /api/v1/roles/{name}': { path: { name: Word }; answer: null };
  /** Every route: address, methods, plugin, handler, permission */
  'GET /api/v1/routes': { query?: { pipeline?: Word; plugin?: Word }; answer: Array<RouteView> | Array<StageView> };
  /** Records of all resources that match a text and that the caller may read, best first */
  'GET /api/v1/search': { query?: { q?: Word; in?: Word; limit?: Word; offset?: Word }; answer: SearchAnswer };
  /** The latest alerts, newest first */
  'GET /api/v1/security/alerts': { answer: Array<Alert> };
  /** Refuse an address for a time */
  'POST /api/v1/security/block-ip': { body: {
    address: string;
    minutes?: number;
    reason?: string;
  }; answer: AddressBlock };
  /** Serve a blocked address again */
  'DELETE /api/v1/security/block-ip/{address}': { path: { address: Word }; answer: null };
  /** Addresses and networks that are allowed, denied, blocked for a time */
  'GET /api/v1/security/ip-rules': { answer: AddressRulesView };
  /** Replace the lists of allowed and denied addresses; they hold at once and after a restart */
  'PUT /api/v1/security/ip-rules': { body: {
    allow?: Array<string>;
    deny?: Array<string>;
  }; answer: AddressRulesView };
  /** Keys of field protection, never their bytes */
  'GET /api/v1/security/keys': { answer: Array<StoredKey> };
  /** How far the fields of tenants have come to their present keys */
  'GET /api/v1/security/keys/reencryption': { answer: Array<ReencryptionProgress> };
  /** Make a new data key of a tenant, or a new master key; older values stay readable and are encrypted again behind the requests */
  'POST /api/v1/security/keys/rotate': { body: {
    tenant?: string;
    master?: boolean;
    rewrap?: boolean;
  }; answer: KeysRotated };
  /** Check configuration, permissions, dependencies and files for weaknesses, and write a dated report */
  'POST /api/v1/security/scan': { answer: ScanReport };
  /** Every control of the six layers and whether it is on */
  'GET /api/v1/security/status': { answer: SecurityStatus };
  /** Services that plugins provide to each other */
  'GET /api/v1/services': { answer: Array<ServiceView> };
  /** Which plugin uses which service */
  'GET /api/v1/services/graph': { answer: Array<ServiceUse> };
  /** One service by the name of its implementation or contract: what its plugin needs, who uses it, its calls and last error */
  'GET /api/v1/services/{name}': { path: { name: Word }; answer: ServiceDetail };
  /** Swap the plugin that provides a service for a fresh generation of itself */
  'POST /api/v1/services/{name}/restart': { path: { name: Word }; answer: ServiceRestarted };
  /** One stored setting */
  'GET /api/v1/settings/{name}': { path: { name: Word }; answer: unknown };
  /** Store a setting; the body is its JSON value */
  'PUT /api/v1/settings/{name}': { path: { name: Word }; body: unknown; answer: unknown };
  /** Forget a stored setting */
  'DELETE /api/v1/settings/{name}': { path: { name: Word }; answer: null };
  /** The node's components with their states and counts */
  'GET /api/v1/status': { answer: NodeView };
  /** Tasks, newest first */
  'GET /api/v1/tasks': { query?: { state?: Word; task?: Word; plugin?: Word; schedule?: Word; before?: Word; limit?: Word }; answer: Array<TaskView> };
  /** Ask for a task; with Prefer: wait=5 the answer is its end when it comes within so many seconds */
  'POST /api/v1/tasks': { body: {
    task: string;
    input?: unknown;
    delaySeconds?: number;
    dueAt?: string;
    priority?: number;
    key?: string;
    maxRetries?: number;
  }; answer: TaskView };
  /** Make failed tasks due again */
  'POST /api/v1/tasks/retry': { query?: { task?: Word; plugin?: Word; limit?: Word }; answer: TasksRetried };
  /** Schedules with their last and next time */
  'GET /api/v1/tasks/schedules': { answer: Array<ScheduleState> };
  /** How many tasks there are by name and state, and how long the oldest waits */
  'GET /api/v1/tasks/stats': { answer: Array<TaskCounts> };
  /** Tasks that active plugins declare */
  'GET /api/v1/tasks/types': { answer: Array<TaskType> };
  /** One task with its steps */
  'GET /api/v1/tasks/{id}': { path: { id: Word }; answer: TaskView };
  /** Call a task off */
  'DELETE /api/v1/tasks/{id}': { path: { id: Word }; query?: { force?: Word }; answer: TaskView };
  /** Call a task off */
  'POST /api/v1/tasks/{id}/cancel': { path: { id: Word }; query?: { force?: Word }; answer: TaskView };
  /** What a task wrote to its log */
  'GET /api/v1/tasks/{id}/logs': { path: { id: Word }; query?: { after?: Word }; answer: Array<TaskLogLine> };
  /** The result of a successful task */
  'GET /api/v1/tasks/{id}/result': { path: { id: Word }; answer: unknown };
  /** Make a failed or cancelled task due again with all its tries */
  'POST /api/v1/tasks/{id}/retry': { path: { id: Word }; answer: TaskView };
  /** Tenants */
  'GET /api/v1/tenants': { answer: {
    items: Array<CoreIdentityTenant>;
    nextCursor?: string | null;
    total?: number | null;
  } };
  /** Make a tenant, with its first administrator */
  'POST /api/v1/tenants': { body: CoreIdentityTenantRequest; answer: CoreIdentityTenant };
  /** The newest move of each tenant between databases */
  'GET /api/v1/tenants/moves': { answer: Array<TenantMove> };
  /** Plan the fewest moves that even the databases out, and begin them */
  'POST /api/v1/tenants/rebalance': { body: {
    /** alike in tenants, or in bytes of their records */
    by?: "count" | "size";
    /** plan only */
    dryRun?: boolean;
  }; answer: Array<PlannedMove> };
  /** The newest move of a tenant and how far it is */
  'GET /api/v1/tenants/{tenant}/move': { path: { tenant: Word }; answer: TenantMove };
  /** Move all data of a tenant to another database while it is served */
  'POST /api/v1/tenants/{tenant}/move': { path: { tenant: Word }; body: {
    /** name in database.shards; default for the platform's own database */
    shard: string;
  }; answer: TenantMove };
  /** Give a move up before its switch: what was copied is removed, and the tenant stays where it is */
  'DELETE /api/v1/tenants/{tenant}/move': { path: { tenant: Word }; answer: TenantMove };
  /** The tools that the caller may use, with the schemas of their arguments */
  'GET /api/v1/tools': { answer: Array<ToolView> };
  /** Calls of tools that wait for a decision or were decided */
  'GET /api/v1/tools/approvals': { answer: Array<ToolApproval> };
  /** One call with its exact arguments */
  'GET /api/v1/tools/approvals/{id}': { path: { id: Word }; answer: ToolApproval };
  /** Let this exact call happen once */
  'POST /api/v1/tools/approvals/{id}/approve': { path: { id: Word }; answer: ToolApproval };
  /** Refuse this call */
  'POST /api/v1/tools/approvals/{id}/deny': { path: { id: Word }; answer: ToolApproval };
  /** What a console shows this caller: version of the plugins, and which of the permissions in question it has */
  'GET /api/v1/ui': { query?: { may?: Word }; answer: CoreConsoleView };
  /** Types of components with their properties, and an example of each */
  'GET /api/v1/ui/components': { answer: {
    types: Array<CoreConsoleComponentType>;
  } };
  /** A component as HTML without scripts, everything in it escaped */
  'POST /api/v1/ui/components/render': { body: Record<string, unknown>; answer: string };
  /** Pages of plugins that this caller sees, in the order of the menu */
  'GET /api/v1/ui/menu': { answer: {
    items: Array<CoreConsolePageEntry>;
  } };
  /** One page of a plugin, with what of its content this caller may use */
  'GET /api/v1/ui/pages/{plugin}/{name}': { path: { plugin: Word; name: Word }; answer: CoreConsolePage };
  /** The colours of the console, as configured */
  'GET /api/v1/ui/theme': { answer: CoreConsoleTheme };
  /** The caller's own views of the list of a resource, by name */
  'GET /api/v1/ui/views/{resource}': { path: { resource: Word }; answer: CoreConsoleSavedViews };
  /** Keep a view: {"name": "Large", "query": "sort=-total", "default": false}; when it is the default, no other one is */
  'PUT /api/v1/ui/views/{resource}': { path: { resource: Word }; body: Record<string, unknown>; answer: CoreConsoleSavedViews };
  /** Forget a view */
  'DELETE /api/v1/ui/views/{resource}': { path: { resource: Word }; query: { name: Word }; answer: CoreConsoleSavedViews };
  /** Widgets of plugins that this caller sees, with their content */
  'GET /api/v1/ui/widgets': { answer: {
    items: Array<CoreConsoleWidget>;
  } };
  /** Users, by name */
  'GET /api/v1/users': { query?: { q?: Word; limit?: Word; cursor?: Word }; answer: {
    items: Array<CoreIdentityUserView>;
    nextCursor?: string | null;
    total?: number | null;
  } };
  /** Make a user */
  'POST /api/v1/users': { body: CoreIdentityUserRequest; answer: CoreIdentityUserView };
  /** A user, by id or name */
  'GET /api/v1/users/{id}': { path: { id: Word }; answer: CoreIdentityUserView };
  /** Change a user */
  'PUT /api/v1/users/{id}': { path: { id: Word }; body: CoreIdentityUserRequest; answer: CoreIdentityUserView };
  /** Delete a user with its sessions and keys */
  'DELETE /api/v1/users/{id}': { path: { id: Word }; answer: null };
  /** Change a user */
  'PATCH /api/v1/users/{id}': { path: { id: Word }; body: CoreIdentityUserRequest; answer: CoreIdentityUserView };
  /** Set a password that must be changed at the next sign-in */
  'PUT /api/v1/users/{id}/password': { path: { id: Word }; body: CoreIdentityConfirmRequest; answer: null };
  /** Replace the roles of a user */
  'PUT /api/v1/users/{id}/roles': { path: { id: Word }; body: CoreIdentityRolesRequest; answer: CoreIdentityUserView };
  /** Give a user a role */
  'POST /api/v1/users/{id}/roles/{role}': { path: { id: Word; role: Word }; answer: CoreIdentityUserView };
  /** Take a role from a user */
  'DELETE /api/v1/users/{id}/roles/{role}': { path: { id: Word; role: Word }; answer: CoreIdentityUserView };
  /** Sign-in sessions of a user */
  'GET /api/v1/users/{id}/sessions': { path: { id: Word }; answer: {
    items: Array<CoreIdentitySessionView>;
    nextCursor?: string | null;
    total?: number | null;
  } };
  /** End all sign-in sessions of a user */
  'DELETE /api/v1/users/{id}/sessions': { path: { id: Word }; answer: CoreIdentityEndedView };
  /** End a sign-in session of a user */
  'DELETE /api/v1/users/{id}/sessions/{session}': { path: { id: Word; session: Word }; answer: null };
  /** Open an account that wrong passwords locked */
  'POST /api/v1/users/{id}/unlock': { path: { id: Word }; answer: CoreIdentityUserView };
  /** Take a user's second factor away, when it is lost */
  'DELETE /api/v1/users/{user}/2fa': { path: { user: Word }; answer: null };
  /** Workers with what they run and their rates */
  'GET /api/v1/workers': { answer: Array<TaskWorker> };
  /** The versions of every API that is served, and which of them are deprecated */
  'GET /api/versions': { answer: Array<ApiVersionView> };
  /** Remove cached values, as DELETE /api/v1/cache */
  'DELETE /cache': { query?: { pattern?: Word; level?: Word }; answer: CacheCleared };
  /** The cache's levels, as GET /api/v1/cache */
  'GET /cache/status': { answer: CacheStatus };
  /** Types of components with their properties, and an example of each */
  'GET /components': { answer: {
    types: Array<CoreConsoleComponentType>;
  } };
  /** A component as HTML without scripts, everything in it escaped */
  'POST /components/render': { body: Record<string, unknown>; answer: string };
  /** A file of a plugin's own part of the console */
  'GET /console/files/{plugin}/{digest}/{file}': { path: { plugin: Word; digest: Word; file: Word }; answer: null };
  /** The console */
  'GET /console/{path}': { path: { path: Word }; answer: null };
  /** A GraphQL query by its query string; for browsers the way to the page for trying; a WebSocket by graphql-transport-ws */
  'GET /graphql': { query?: { query?: Word; variables?: Word; operationName?: Word; documentId?: Word }; answer: GraphQLResponse };
  /** A GraphQL operation; subscriptions answer as text/event-stream */
  'POST /graphql': { body: {
    query?: string;
    variables?: Record<string, unknown> | null;
    operationName?: string | null;
    documentId?: string;
    extensions?: Record<string, unknown> | null;
  }; answer: GraphQLResponse };
  /** The .proto files of all gRPC services of this node */
  'GET /grpc/protos': { answer: Array<ProtoFileView> };
  /** Health of the core, the plugins and the dependencies */
  'GET /health': { answer: NodeHealth };
  /** Whether the process answers */
  'GET /health/live': { answer: NodeLiveness };
  /** Whether the node can serve */
  'GET /health/ready': { answer: NodeReadiness };
  /** Sign in with name and password */
  'POST /login': { body: CoreIdentityLoginRequest; answer: CoreIdentityTokenView };
  /** Pages of plugins that this caller sees, in the order of the menu */
  'GET /menu': { answer: null };
  /** Metrics in the Prometheus text form, or as OpenMetrics where that is accepted */
  'GET /metrics': { query?: { resolution?: Word; start?: Word; end?: Word }; answer: RequestSteps };
  /** Requests of a stretch of time in numbers: how many, by status, how long */
  'GET /metrics/summary': { query?: { start?: Word; end?: Word }; answer: RequestSummary };
  /** Sign in for a client */
  'GET /oauth/authorize': { answer: null };
  /** Forms of the sign-in pages */
  'POST /oauth/authorize': { answer: null };
  /** Sign out at the client's wish */
  'GET /oauth/end-session': { answer: null };
  /** Form of the sign-out page */
  'POST /oauth/end-session': { answer: null };
  /** Revoke a token */
  'POST /oauth/revoke': { answer: null };
  /** Exchange a code or a refresh token */
  'POST /oauth/token': { answer: null };
  /** Who the token is of */
  'GET /oauth/userinfo': { answer: null };
  /** Who the token is of */
  'POST /oauth/userinfo': { answer: null };
  /** This document */
  'GET /openapi.json': { answer: Record<string, unknown> };
  /** As /health/ready */
  'GET /ready': { answer: NodeReadiness };
  /** The node's components, the processors, memory, disk and graphics processors of its machine, and every check */
  'GET /status': { answer: MachineView };
  /** The colours of the console, as configured */
  'GET /theme': { answer: CoreConsoleTheme };
}

export interface ActionView {
  name: string;
  description: string | null;
  input: Record<string, unknown> | null;
  fields: Array<FieldView>;
}

export interface AddressBlock {
  address: string;
  reason: string;
  at: string;
  until: string;
}

export interface AddressRulesView {
  allow: Array<string>;
  deny: Array<string>;
  blocked: Array<AddressBlock>;
}

export interface Alert {
  id: string;
  at: string;
  kind: string;
  address?: string;
  actor?: string;
  detail: string;
}

export interface AliveCause {
  context: string;
  cause: string;
  text: string;
  remedy: string;
  path: Array<string>;
}

export interface ApiVersionView {
  api: string;
  version: number;
  path: string;
  deprecatedOn?: string;
  sunsetOn?: string;
  guide?: string;
}

export interface CacheCleared {
  cleared_keys: number;
}

export interface CacheLevelStatus {
  name: string;
  status: "Healthy" | "Degraded" | "Unhealthy";
  entries?: number;
  bytes?: number;
  hits: number;
  misses: number;
  evictions?: number;
  milliseconds?: number;
  detail?: string;
  hitRatio: number;
}

export interface CacheStatus {
  levels: Array<CacheLevelStatus>;
  hits: number;
  misses: number;
  loads: number;
  staleServed: number;
  hitRatio: number;
}

export interface ComponentView {
  name: string;
  status: "Healthy" | "Degraded" | "Unhealthy";
  description: string;
  counts: Record<string, number>;
  detail?: string;
}

export interface ConfigurationValue {
  key: string;
  value?: string;
  source?: string;
  secret?: boolean;
  restart?: boolean;
}

export interface CoreAuditAcknowledgement {
  at: string;
  actor: string;
  reason: string;
  fromSeal: number;
  throughSeal: number;
  first: number;
  last: number;
}

export interface CoreAuditAlert {
  at: string;
  rule: string;
  who: string | null;
  count: number;
  position: number;
}

export interface CoreAuditArchive {
  first: number;
  last: number;
  file: string;
  sha256: string;
  at: string;
}

export interface CoreAuditEntry {
  position: number;
  at: string;
  actor: string;
  action: string;
  subject: string;
  result: "success" | "denied" | "failure" | "unknown";
  address: string | null;
  userAgent: string | null;
  correlationId: string | null;
  detail: unknown;
}

export interface CoreAuditEntryPage {
  items: Array<CoreAuditEntry>;
  nextCursor: string | null;
}

export interface CoreAuditEntryProof {
  entry: CoreAuditEntry;
  leafInput: string;
  index: number;
  count: number;
  path: Array<string>;
  root: string;
  seal: CoreAuditSeal;
}

export interface CoreAuditFileProof {
  kind: string;
  entries: number;
  filter: Record<string, string | null>;
  name: string;
  bytes: number;
  sha256: string;
  at: string;
  seal: CoreAuditSeal | null;
  signed: string;
  signature: string;
  key: string;
  [name: string]: unknown;
}

export interface CoreAuditFinding {
  position: number | null;
  seal: number | null;
  kind: string;
  detail: string;
}

export interface CoreAuditSeal {
  number: number;
  first: number;
  last: number;
  at: string;
  root: string;
  chain: string;
  signed: string;
  signature: string;
  key: string;
  publicKey?: string | null;
}

export interface CoreAuditTrailStatus {
  entries: number;
  seal: CoreAuditSeal | null;
  archives: Array<CoreAuditArchive>;
  failure: string | null;
  contradiction: string | null;
}

export interface CoreAuditVerification {
  tenant: string;
  sound: boolean;
  entries: number;
  seals: number;
  archived: number;
  archivedElsewhere: number;
  unanchored: number;
  seconds: number;
  entriesPerSecond: number;
  sealing: string | null;
  acknowledged: Array<CoreAuditAcknowledgement>;
  finding: CoreAuditFinding | null;
}

export interface CoreConsoleComponentProperty {
  name: string;
  value: string;
  meaning: string;
  required: boolean;
  choices: Array<string> | null;
}

export interface CoreConsoleComponentType {
  name: string;
  group: string;
  meaning: string;
  hasParts: boolean;
  properties: Array<CoreConsoleComponentProperty>;
  example: CoreConsolePart | null;
}

export interface CoreConsolePage {
  plugin: string;
  prefix: string;
  name: string;
  title: string | CoreConsoleTranslated;
  icon: string | null;
  position: number;
  path: string;
  about: string | CoreConsoleTranslated | null;
  content: CoreConsolePart;
}

export interface CoreConsolePageEntry {
  plugin: string;
  prefix: string;
  name: string;
  title: string | CoreConsoleTranslated;
  icon: string | null;
  position: number;
  path: string;
}

export interface CoreConsolePart {
  type: string;
  parts?: Array<CoreConsolePart>;
  [name: string]: unknown;
}

export interface CoreConsoleSavedView {
  name: string;
  query: string;
  default: boolean;
}

export interface CoreConsoleSavedViews {
  items: Array<CoreConsoleSavedView>;
}

export interface CoreConsoleTheme {
  colour: string;
  scheme: "auto" | "light" | "dark";
}

export interface CoreConsoleTranslated {
  default: string;
  [name: string]: string;
}

export interface CoreConsoleView {
  version: number;
  signIn: boolean;
  anonymous: boolean;
  caller: {
    id: string;
    name: string;
    tenant: string;
  };
  plugins: Array<string>;
  allowed: Record<string, string>;
  pages: Array<CoreConsolePageEntry>;
  theme: CoreConsoleTheme;
}

export interface CoreConsoleWidget {
  plugin: string;
  prefix: string;
  name: string;
  title: string | CoreConsoleTranslated;
  width: number;
  content: CoreConsolePart;
}

export interface CoreIdentityAddressRequest {
  email?: string | null;
  username?: string | null;
  tenant?: string | null;
}

export interface CoreIdentityBackupCodes {
  codes: Array<string>;
}

export interface CoreIdentityChallengeRequest {
  challenge?: string | null;
  code?: string | null;
}

export interface CoreIdentityCheckRequest {
  user?: string | null;
  userId?: string | null;
  tenant?: string | null;
  permissions?: Array<string> | null;
  permission?: string | null;
  resource?: string | null;
  action?: string | null;
  scope?: string | null;
}

export interface CoreIdentityCheckView {
  user: string;
  allowed: boolean;
  results: Array<CoreIdentityDecisionView>;
  scope?: string | null;
  reason?: string | null;
  role?: string | null;
}

export interface CoreIdentityClient {
  id: string;
  name: string;
  redirectUris: Array<string>;
  postLogoutRedirectUris: Array<string>;
  scopes: Array<string>;
  trusted: boolean;
  createdAt: string;
}

export interface CoreIdentityClientList {
  items: Array<CoreIdentityClient>;
}

export interface CoreIdentityClientRequest {
  id?: string | null;
  name?: string | null;
  redirectUris?: Array<string> | null;
  postLogoutRedirectUris?: Array<string> | null;
  scopes?: Array<string> | null;
  trusted?: boolean;
}

export interface CoreIdentityCodeRequest {
  code?: string | null;
}

export interface CoreIdentityConfirmRequest {
  password?: string | null;
}

export interface CoreIdentityDeadLetter {
  id: string;
  plugin: string;
  to: string;
  subject: string;
  tries: number;
  reason: string;
  givenUpAt: string;
}

export interface CoreIdentityDecisionView {
  permission: string;
  allowed: boolean;
  scope: string;
  reason: string;
  role?: string | null;
  policy?: string | null;
}

export interface CoreIdentityEndedView {
  ended: number;
}

export interface CoreIdentityGroupRequest {
  name?: string | null;
  description?: string | null;
  roles?: Array<string> | null;
}

export interface CoreIdentityGroupView {
  name: string;
  description?: string | null;
  roles: Array<string>;
  members: Array<CoreIdentityMemberView>;
}

export interface CoreIdentityKeyRequest {
  name?: string | null;
  scopes?: Array<string> | null;
  permissions?: Array<string> | null;
  expiresAt?: string | null;
  expiresInDays?: number | null;
  requestsPerMinute?: number | null;
  user?: string | null;
}

export interface CoreIdentityKeyView {
  id: string;
  name: string;
  preview: string;
  scopes: Array<string>;
  createdAt: string;
  expires_at?: string | null;
  last_used?: string | null;
  requests_per_minute?: number | null;
  user?: string | null;
  key?: string | null;
}

export interface CoreIdentityLoginRequest {
  username?: string | null;
  user?: string | null;
  name?: string | null;
  email?: string | null;
  login?: string | null;
  password?: string | null;
  pass?: string | null;
  code?: string | null;
  tenant?: string | null;
  rememberMe?: boolean;
  cookie?: boolean;
}

export interface CoreIdentityMemberView {
  id: string;
  username: string;
  displayName: string;
}

export interface CoreIdentityMessageView {
  message: string;
}

export interface CoreIdentityPasskeyAnswer {
  state?: string | null;
  credential?: Record<string, unknown> | null;
  name?: string | null;
  rememberMe?: boolean;
  cookie?: boolean;
}

export interface CoreIdentityPasskeyList {
  items: Array<CoreIdentityPasskeyView>;
}

export interface CoreIdentityPasskeyOptions {
  state: string;
  options?: unknown;
}

export interface CoreIdentityPasskeyView {
  id: string;
  name?: string | null;
  createdAt: string;
  backedUp: boolean;
  transports: Array<string>;
}

export interface CoreIdentityPasswordChangeRequest {
  currentPassword?: string | null;
  oldPassword?: string | null;
  newPassword?: string | null;
}

export interface CoreIdentityPasswordResetRequest {
  token?: string | null;
  newPassword?: string | null;
  password?: string | null;
}

export interface CoreIdentityPasswordRulesView {
  minimumLength: number;
  maximumLength: number;
  classes: number;
  passphraseLength: number;
  history: number;
  attempts: number;
  lockoutSeconds: number;
}

export interface CoreIdentityPolicyRequest {
  name?: string | null;
  description?: string | null;
  effect?: string | null;
  resources?: Array<string> | null;
  actions?: Array<string> | null;
  scope?: string | null;
  roles?: Array<string> | null;
  groups?: Array<string> | null;
  users?: Array<string> | null;
}

export interface CoreIdentityProfileRequest {
  displayName?: string | null;
  name?: string | null;
  email?: string | null;
  profile?: Record<string, unknown> | null;
}

export interface CoreIdentityProviderList {
  items: Array<CoreIdentityProviderView>;
}

export interface CoreIdentityProviderView {
  name: string;
  start: string;
}

export interface CoreIdentityRefreshRequest {
  refreshToken?: string | null;
}

export interface CoreIdentityRegisterRequest {
  username?: string | null;
  email?: string | null;
  password?: string | null;
  displayName?: string | null;
  name?: string | null;
  tenant?: string | null;
}

export interface CoreIdentityResourcePolicy {
  name: string;
  description?: string | null;
  effect: string;
  resources: Array<string>;
  actions: Array<string>;
  scope: string;
  roles: Array<string>;
  groups: Array<string>;
  users: Array<string>;
}

export interface CoreIdentityRoleRequest {
  name?: string | null;
  description?: string | null;
  permissions?: Array<string> | null;
  inherits?: Array<string> | null;
}

export interface CoreIdentityRoleView {
  name: string;
  description?: string | null;
  permissions: Array<string>;
  inherits: Array<string>;
  builtIn: boolean;
  users: number;
}

export interface CoreIdentityRolesRequest {
  roles?: Array<string> | null;
}

export interface CoreIdentityRolesView {
  roles: Array<CoreIdentityRoleView>;
  scopes: Record<string, Array<string>>;
}

export interface CoreIdentitySessionView {
  id: string;
  method: string;
  current: boolean;
  remember: boolean;
  createdAt: string;
  lastUsedAt: string;
  expiresAt: string;
  address?: string | null;
  userAgent?: string | null;
  client?: string | null;
}

export interface CoreIdentityStatusView {
  registration: boolean;
  manager?: string | null;
  strategies?: Array<string> | null;
  emailVerification?: boolean | null;
  passwordHash?: string | null;
  localTokenFile?: string | null;
}

export interface CoreIdentityTenant {
  name: string;
  description?: string | null;
  createdAt: string;
}

export interface CoreIdentityTenantRequest {
  name?: string | null;
  description?: string | null;
  administrator?: CoreIdentityUserRequest | null;
}

export interface CoreIdentityTokenRequest {
  token?: string | null;
}

export interface CoreIdentityTokenView {
  access_token: string;
  token_type: string;
  expires_in: number;
  refresh_token: string;
  refresh_expires_in: number;
  session_id: string;
  must_change_password: boolean;
  csrf_token?: string | null;
  user: CoreIdentityUserView;
}

export interface CoreIdentityTwoFactorSecret {
  secret: string;
  address: string;
  qrSvg: string;
  qrPng: string;
}

export interface CoreIdentityTwoFactorState {
  enabled: boolean;
  enabledAt?: string | null;
  backupCodesLeft: number;
}

export interface CoreIdentityUserRequest {
  username?: string | null;
  email?: string | null;
  displayName?: string | null;
  name?: string | null;
  password?: string | null;
  roles?: Array<string> | null;
  groups?: Array<string> | null;
  disabled?: boolean | null;
  emailVerified?: boolean | null;
  mustChangePassword?: boolean | null;
  profile?: Record<string, unknown> | null;
}

export interface CoreIdentityUserView {
  id: string;
  username: string;
  email?: string | null;
  emailVerified: boolean;
  displayName: string;
  roles: Array<string>;
  groups: Array<string>;
  effectiveRoles: Array<string>;
  tenant?: string | null;
  status?: string | null;
  mustChangePassword: boolean;
  profile?: Record<string, unknown> | null;
  preferences?: Record<string, unknown> | null;
  createdAt?: string | null;
  updatedAt?: string | null;
  lockedUntil?: string | null;
}

export interface DataSchema {
  plugin: string;
  documents: string;
  collections: Array<{
    name: string;
    version: number;
    fields: Array<string>;
    indexes: Array<{
      fields: string;
      unique: boolean;
    }>;
    search: Array<string>;
  }>;
  tables: Array<{
    type: string;
    name: string;
    table: string;
  }>;
}

export interface DatabaseChanges {
  count: number;
  data: Array<{
    id: string | null;
    error?: Record<string, unknown>;
  }>;
  execution_time_ms: number;
}

export interface DatabaseOptimized {
  indexesMade: Array<string>;
  milliseconds: number;
}

export interface DatabaseRecords {
  count: number;
  total: number;
  data: Array<Record<string, unknown>>;
  execution_time_ms: number;
}

export interface DatabaseView {
  primary: string;
  version: string;
  place: string | null;
  bytes: number;
  standbys: Array<string>;
  pools: Array<{
    name: string;
    inUse: number;
    idle: number;
    max: number;
  }>;
  tables: Array<{
    name: string;
    bytes: number | null;
    indexes: Array<{
      name: string;
      fields: string;
      unique: boolean;
      missing: boolean;
      bytes: number | null;
    }>;
  }>;
}

export interface DeliveriesReplayed {
  replayed: number;
}

export interface DiskUse {
  usagePercent: number;
  sizeBytes: number;
  freeBytes: number;
}

export interface DocumentView {
  path: string;
  revision: number;
  updatedAt: string;
  value: unknown;
}

export interface ErrorCode {
  code: string;
  status: number;
  title: string;
  cause: string;
  remedy: string;
}

export interface EventCounts {
  published: number;
  delivered: number;
  failed: number;
  retried: number;
  dead: number;
  cancelled: number;
  expired: number;
  dropped: number;
}

export interface EventPublished {
  id: string;
  name: string;
  correlationId?: string;
}

export interface EventStatistics {
  since: string;
  total: EventCounts;
  byName: Record<string, EventCounts>;
}

export interface EventStreamView {
  stream: string;
  version: number;
  events: Array<EventView>;
}

export interface EventSubscriber {
  plugin: string;
  group: string;
  pattern: string;
  priority: number;
  durable: boolean;
  waiting: number;
  dropped: number;
}

export interface EventView {
  id: string;
  name: string;
  sequence?: number;
  version?: number;
  occurredAt: string;
  publisher: string;
  correlationId: string | null;
  key: string | null;
  priority: number;
  expiresAt?: string;
  encrypted?: boolean;
  headers?: Record<string, string>;
  data?: unknown;
  deliveries?: Array<{
    group: string;
    state: "Pending" | "Done" | "Dead" | "Cancelled" | "Expired";
    attempt: number;
    lastError: string | null;
  }>;
}

export interface EventsPublished {
  ids: Array<string>;
  published: number;
}

export interface EventsPurged {
  purged: number;
  dryRun: boolean;
}

export interface EventsReplayed {
  replayed: number;
  dryRun: boolean;
}

export interface FieldView {
  name: string;
  kind: "Text" | "Multiline" | "Integer" | "Decimal" | "Real" | "Boolean" | "Date" | "Time" | "Instant" | "Duration" | "Choice" | "Identifier" | "Reference" | "Money" | "List" | "Group" | "Map" | "Json";
  required?: boolean;
  nullable?: boolean;
  readOnly?: boolean;
  secret?: boolean;
  personal?: boolean;
  label?: string;
  description?: string;
  unit?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  pattern?: string;
  target?: string;
  default?: unknown;
  choices?: Array<string>;
  element?: FieldView;
  fields?: Array<FieldView>;
}

export interface Finding {
  id: string;
  severity: "Low" | "Medium" | "High";
  area: string;
  subject: string;
  detail: string;
  remedy: string;
}

export interface Gpu {
  name: string;
  usagePercent?: number;
  memoryBytes?: number;
  memoryUsedBytes?: number;
}

export interface GraphQLResponse {
  data?: Record<string, unknown> | null;
  errors?: Array<{
    message: string;
    locations?: Array<{
      line: number;
      column: number;
    }>;
    path?: Array<unknown>;
    extensions?: Record<string, unknown>;
  }>;
  extensions?: Record<string, unknown>;
}

export interface KeysRotated {
  tenant?: string;
  key?: number;
  rewrapped?: number;
}

export interface MachineView {
  status: "Healthy" | "Degraded" | "Unhealthy";
  version?: string;
  startedAt: string;
  uptimeSeconds: number;
  snapshot: number;
  runtime: RuntimeView;
  components: Array<ComponentView>;
  cpu: ProcessorUse;
  memory: MemoryUse;
  disk?: DiskUse;
  gpu?: Array<Gpu>;
  checks: Array<PartHealth>;
}

export interface MemoryUse {
  usagePercent: number;
  processBytes: number;
  heapBytes: number;
}

export interface NodeChange {
  node: string;
  state: "Waiting" | "Changing" | "Changed" | "Failed" | "Away" | "Skipped" | "WentBack";
  address: string;
  from?: string;
  detail?: string;
}

export interface NodeHealth {
  status: "Healthy" | "Degraded" | "Unhealthy";
  core: PartHealth;
  plugins: Array<PartHealth>;
  dependencies: Array<PartHealth>;
}

export interface NodeLiveness {
  status: "Healthy" | "Degraded" | "Unhealthy";
}

export interface NodeLogLine {
  number: number;
  at: string;
  level: "Trace" | "Debug" | "Information" | "Warning" | "Error" | "Critical" | "None";
  category: string;
  message: string;
  error?: string;
  requestId?: string;
  userId?: string;
}

export interface NodePlugin {
  id: string;
  version: string;
  generation: number;
  state: "Discovered" | "Validating" | "Loading" | "Loaded" | "Initializing" | "Registering" | "Active" | "Stopping" | "Stopped" | "Failed" | "Quarantined";
  routePrefix?: string;
  resources: Array<string>;
}

export interface NodeReadiness {
  status: "Healthy" | "Degraded" | "Unhealthy";
  reasons: Array<string>;
}

export interface NodeStatus {
  id: string;
  machine: string;
  address: string;
  http2Address?: string;
  roles: Array<string>;
  version: string;
  startedAt: string;
  seenAt: string;
  leaseSeconds: number;
  plugins: Array<NodePlugin>;
  weight: number;
  self: boolean;
}

export interface NodeView {
  status: "Healthy" | "Degraded" | "Unhealthy";
  version?: string;
  startedAt: string;
  uptimeSeconds: number;
  snapshot: number;
  runtime: RuntimeView;
  components: Array<ComponentView>;
}

export interface Notification {
  id: string;
  kind: string;
  at: string;
  subject: string;
  name: string;
  detail?: string;
  read: boolean;
}

export interface NotificationList {
  unread: number;
  items: Array<Notification>;
}

export interface PartHealth {
  name: string;
  status: "Healthy" | "Degraded" | "Unhealthy";
  detail?: string;
  state?: string;
  essential: boolean;
  latencyMs?: number;
}

export interface PerformanceView {
  since: string;
  routes: Array<RouteTime>;
  queries: Array<QueryTime>;
  slowFrom?: number;
  slowQueries: Array<SlowQuery>;
}

export interface PlannedMove {
  tenant: string;
  from: string;
  to: string;
  records: number;
  bytes: number;
}

export interface PluginAlive {
  id: string;
  generationsAlive: number;
  holds: Array<AliveCause>;
}

export interface PluginChanged {
  id: string;
  version: string;
  state: "Discovered" | "Validating" | "Loading" | "Loaded" | "Initializing" | "Registering" | "Active" | "Stopping" | "Stopped" | "Failed" | "Quarantined";
  enabled: boolean;
  category?: string;
  origin: string;
  isolation: "Stable" | "Hot" | "Process";
  generation: number;
  generationsAlive: number;
  inFlight: number;
  health: PluginHealth;
  failedIn?: "Discovered" | "Validating" | "Loading" | "Loaded" | "Initializing" | "Registering" | "Active" | "Stopping" | "Stopped" | "Failed" | "Quarantined";
  cause?: string;
  remedy?: string;
  warning?: string;
  pending?: string;
  rollout?: PluginRollout;
  since: string;
  routes: number;
  previous: Array<string>;
  routesAffected: number;
}

export interface PluginConfiguration {
  id: string;
  values: Record<string, string>;
  schema?: Record<string, unknown>;
}

export interface PluginDependency {
  id: string;
  range: string;
  optional: boolean;
}

export interface PluginDetail {
  id: string;
  version: string;
  state: "Discovered" | "Validating" | "Loading" | "Loaded" | "Initializing" | "Registering" | "Active" | "Stopping" | "Stopped" | "Failed" | "Quarantined";
  enabled: boolean;
  category?: string;
  origin: string;
  isolation: "Stable" | "Hot" | "Process";
  generation: number;
  generationsAlive: number;
  inFlight: number;
  health: PluginHealth;
  failedIn?: "Discovered" | "Validating" | "Loading" | "Loaded" | "Initializing" | "Registering" | "Active" | "Stopping" | "Stopped" | "Failed" | "Quarantined";
  cause?: string;
  remedy?: string;
  warning?: string;
  pending?: string;
  rollout?: PluginRollout;
  since: string;
  routes: number;
  previous: Array<string>;
  contentHash: string;
  manifest?: PluginManifest;
  counters: Record<string, number>;
}

export interface PluginHealth {
  status: "Healthy" | "Degraded" | "Unhealthy";
  detail?: string;
}

export interface PluginHealthView {
  id: string;
  state: "Discovered" | "Validating" | "Loading" | "Loaded" | "Initializing" | "Registering" | "Active" | "Stopping" | "Stopped" | "Failed" | "Quarantined";
  status: "Healthy" | "Degraded" | "Unhealthy";
  detail?: string;
}

export interface PluginInput {
  id: string;
  type: string;
  label?: string;
  default?: unknown;
  required: boolean;
  options: Array<string>;
}

export interface PluginLimits {
  memoryMegabytes?: number;
  cpuPercent?: number;
}

export interface PluginLogLine {
  number: number;
  at: string;
  level: "Trace" | "Debug" | "Information" | "Warning" | "Error" | "Critical" | "None";
  category: string;
  message: string;
  error?: string;
}

export interface PluginManifest {
  name: string;
  version: string;
  category: "Business" | "Integration" | "Analytics" | "Security" | "Ui" | "Core" | "Custom";
  description: string;
  entry: string;
  displayName?: string;
  author?: string;
  license?: string;
  requires?: string;
  runtime?: string;
  system: Array<string>;
  dependencies: Array<PluginDependency>;
  startupOrder: number;
  isolation?: "Stable" | "Hot" | "Process";
  instances: number;
  limits?: PluginLimits;
  permissions: Array<RequestedCapability>;
  configuration?: Record<string, unknown>;
  inputs: Array<PluginInput>;
  ui?: PluginUi;
  essential: boolean;
  lazy: boolean;
  tags: Array<string>;
  shortName: string;
  routePrefix: string;
  documentRoot: string;
}

export interface PluginMemoryView {
  heldBytes: number;
  objects: number;
  measuredAt: string;
}

export interface PluginMetrics {
  id: string;
  requests: number;
  errors: number;
  inFlight: number;
  generationsAlive: number;
  memory?: PluginMemoryView;
}

export interface PluginOffer {
  name: string;
  version: string;
  category: "Business" | "Integration" | "Analytics" | "Security" | "Ui" | "Core" | "Custom";
  description: string;
  displayName?: string;
  author?: string;
  license?: string;
  tags: Array<string>;
  requires?: string;
  rating?: number;
  file: string;
  size: number;
  sha256: string;
  repository: string;
}

export interface PluginPermissionsView {
  id: string;
  requested: Array<RequestedCapability>;
  granted: Array<string>;
  denied: Array<string>;
  guards: Array<string>;
}

export interface PluginPreview {
  id: string;
  displayName: string | null;
  description: string;
  author: string | null;
  license: string | null;
  /** The version that is installed. */
  from: string | null;
  to: string;
  isLower: boolean;
  isolation: "stable" | "hot" | "process";
  needsRestart: boolean;
  permissions: {
    added: Array<{
      name: string;
      reason: string;
    }>;
    removed: Array<string>;
  };
  dependencies: Array<{
    id: string;
    range: string;
    optional: boolean;
    found: string | null;
    isMet: boolean;
  }>;
  settings: {
    added: Array<string>;
    removed: Array<string>;
  };
}

export interface PluginReplies {
  replies: Record<string, unknown>;
  silent: Array<string>;
}

export interface PluginReply {
  plugin: string;
  data: unknown;
}

export interface PluginRepository {
  address: string;
  packages: number;
  error?: string;
}

export interface PluginRollout {
  version: string;
  generation: number;
  percent: number;
}

export interface PluginUi {
  module?: string;
  title?: string;
  icon?: string;
  position?: number;
}

export interface PluginView {
  id: string;
  version: string;
  state: "Discovered" | "Validating" | "Loading" | "Loaded" | "Initializing" | "Registering" | "Active" | "Stopping" | "Stopped" | "Failed" | "Quarantined";
  enabled: boolean;
  category?: string;
  origin: string;
  isolation: "Stable" | "Hot" | "Process";
  generation: number;
  generationsAlive: number;
  inFlight: number;
  health: PluginHealth;
  failedIn?: "Discovered" | "Validating" | "Loading" | "Loaded" | "Initializing" | "Registering" | "Active" | "Stopping" | "Stopped" | "Failed" | "Quarantined";
  cause?: string;
  remedy?: string;
  warning?: string;
  pending?: string;
  rollout?: PluginRollout;
  since: string;
  routes: number;
  previous: Array<string>;
}

/** Problem details (RFC 9457). */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance?: string;
  /** Stable code; /api/v1/errors lists them all. */
  code: string;
  requestId?: string;
  traceId: string;
  /** Where it comes from; shown, with version and component, to callers with platform.plugins:read. */
  plugin?: string;
  version?: string;
  component?: string;
  errors?: Array<{
    /** JSON pointer to the value. */
    pointer: string;
    code: string;
    detail: string;
  }>;
}

export interface ProcessorUse {
  usagePercent: number;
  processors: number;
  processSeconds: number;
}

export interface ProtoFileView {
  name: string;
  package: string;
  services: Array<string>;
}

export interface QueryTime {
  operation: string;
  table?: string;
  plugin?: string;
  statement?: string;
  time: TimeSpent;
}

export interface ReencryptionProgress {
  tenant: string;
  key: number;
  table?: string;
  records: number;
  encrypted: number;
  unreadable: number;
  finishedAt?: string;
}

export interface ReplayProgress {
  events: number;
  waiting: number;
  dead: number;
  percent: number;
}

export interface RequestSteps {
  start: string;
  end: string;
  resolution_seconds: number;
  points: Array<{
    at: string;
    requests: number;
    errors: number;
    average: number | null;
    p50: number | null;
    p95: number | null;
    p99: number | null;
    by_status: Record<string, number>;
  }>;
}

export interface RequestSummary {
  start: string;
  end: string;
  requests: number;
  errors: number;
  average: number | null;
  p50: number | null;
  p95: number | null;
  p99: number | null;
  by_status: Record<string, number>;
}

export interface RequestedCapability {
  name: string;
  reason: string;
}

export interface ResourceView {
  name: string;
  plugin: string;
  version: string;
  singular: string;
  description: string | null;
  path: string;
  /** Rows of its plugin's own database: only read, without history, and nobody tells of changes. */
  view: boolean;
  allowed: Record<string, "none" | "own" | "team" | "all">;
  fields: Array<FieldView>;
  search: Array<string>;
  /** What may be attached to its records; absent where nothing may. */
  attachments?: {
    maxBytes: number;
    maxCount: number;
    types: Array<string>;
    /** In which widths pictures are served; empty on a node that scales none. */
    pictureWidths: Array<number>;
  };
  record: Record<string, unknown>;
  input: Record<string, unknown>;
  actions: Array<ActionView>;
}

export interface RollingChange {
  number: number;
  plugin: string;
  kind: string;
  version?: string;
  state: "Running" | "Done" | "GoingBack" | "WentBack";
  startedAt: string;
  endedAt?: string;
  reason?: string;
  nodes: Array<NodeChange>;
}

export interface RouteTime {
  plugin: string;
  route: string;
  errors: number;
  time: TimeSpent;
}

export interface RouteView {
  url: string;
  methods: Array<string>;
  plugin: string;
  handler: string;
  permission?: string;
}

export interface RuntimeView {
  version: string;
  processId: number;
  processors: number;
  gc: string;
  latency: "Batch" | "Interactive" | "LowLatency" | "SustainedLowLatency" | "NoGCRegion";
  heapBytes: number;
  limitBytes: number;
  threadsSpin: boolean;
}

export interface ScanReport {
  at: string;
  file: string;
  checks: Array<string>;
  findings: Array<Finding>;
}

export interface ScheduleState {
  name: string;
  task: string;
  expression: string;
  timeZone: string;
  lastFireAt?: string;
  lastTask?: string;
  nextFireAt?: string;
}

export interface SearchAnswer {
  items: Array<{
    resource: string;
    id: string;
    record: Record<string, unknown>;
  }>;
  total: number;
  counts: Record<string, number>;
}

export interface SecurityControlView {
  name: string;
  on: boolean;
  area: string;
  detail: string;
}

export interface SecurityLayer {
  name: string;
  active: number;
  controls: Array<SecurityControlView>;
}

export interface SecurityStatus {
  layers: Array<SecurityLayer>;
  areas: Record<string, number>;
  alerts: number;
  refused: number;
}

export interface ServiceDetail {
  service: ServiceView;
  generation: number;
  dependencies: Array<ServiceUse>;
  dependents: Array<ServiceUse>;
}

export interface ServiceRestarted {
  name: string;
  provider: string;
  state: "Discovered" | "Validating" | "Loading" | "Loaded" | "Initializing" | "Registering" | "Active" | "Stopping" | "Stopped" | "Failed" | "Quarantined";
  generation: number;
  before: number;
}

export interface ServiceUse {
  consumer: string;
  contract: string;
  implementation?: string;
  provider?: string;
  required: boolean;
}

export interface ServiceView {
  name: string;
  provider: string;
  interface: string;
  lifetime: "Singleton" | "Scoped" | "Transient";
  health: PluginHealth;
  methods: Array<string>;
  bound: boolean;
  calls: number;
  errors: number;
  lastError?: string;
  lastErrorAt?: string;
}

export interface SettingsStored {
  updated_keys: Array<string>;
  restart_required: boolean;
}

export interface SlowQuery {
  at: string;
  milliseconds: number;
  source: string;
  statement: string;
  plan: string;
}

export interface StageView {
  order: number;
  stage: string;
  does: string;
}

export interface StoredKey {
  tenant: string;
  purpose: string;
  number: number;
  master: string;
  createdAt: string;
}

export interface StreamAppended {
  stream: string;
  version: number;
  ids: Array<string>;
}

export interface TaskCounts {
  task: string;
  PENDING: number;
  STARTED: number;
  SUCCESS: number;
  FAILURE: number;
  CANCELLED: number;
  oldestDueAt?: string;
}

export interface TaskLogLine {
  position: number;
  at: string;
  attempt: number;
  kind: string;
  text: string;
}

export interface TaskType {
  name: string;
  plugin: string;
  description: string;
  maxRetries: number;
  timeout: string;
  concurrency: number;
}

export interface TaskView {
  id: string;
  task: string;
  state: "PENDING" | "STARTED" | "SUCCESS" | "FAILURE" | "CANCELLED";
  percent?: number;
  step?: string;
  attempt: number;
  priority: number;
  createdAt: string;
  createdBy: string | null;
  dueAt: string;
  startedAt?: string;
  finishedAt?: string;
  worker?: string;
  key?: string;
  schedule?: string;
  correlationId?: string;
  cancelRequested?: boolean;
  error?: string;
  input?: unknown;
  result?: unknown;
  steps?: Array<{
    at: string;
    attempt: number;
    text: string;
  }>;
}

export interface TaskWorker {
  name: string;
  startedAt: string;
  seenAt: string;
  concurrency: number;
  running: number;
  succeeded: number;
  failed: number;
  perMinute: number;
}

export interface TasksRetried {
  retried: number;
}

export interface TenantDeleted {
  tenant: string;
  records: Record<string, number>;
  events: number;
  databases: Array<string>;
  blobs: number;
}

export interface TenantMove {
  tenant: string;
  from: string;
  to: string;
  state: "Copying" | "Cleaning" | "Undoing" | "Done" | "Failed";
  rows: number;
  closedMilliseconds?: number;
  startedAt: string;
  endedAt?: string;
  error?: string;
}

export interface TimeSpent {
  count: number;
  total: number;
  mean: number;
  p50: number;
  p95: number;
  p99: number;
}

export interface ToolApproval {
  id: string;
  tool: string;
  arguments: Record<string, unknown>;
  caller: {
    id: string;
    name: string;
  };
  state: "waiting" | "approved" | "denied" | "used";
  askedAt: string;
  expiresAt: string;
  decidedBy?: string | null;
}

export interface ToolView {
  name: string;
  title: string | null;
  description: string | null;
  permission: string | null;
  writes: boolean;
  inputSchema: Record<string, unknown>;
}

export interface Webhook {
  id: string;
  tenant: string;
  url: string;
  patterns: Array<string>;
  filter?: unknown;
  minPriority?: number;
  maxPriority?: number;
  batchSize: number;
  decrypt: boolean;
  enabled: boolean;
  disabledReason?: string;
  maxAttempts: number;
  retrySeconds: number;
  failuresInARow: number;
  createdAt: string;
  groups: Array<string>;
}

export interface WebhookSecret {
  webhook: Webhook;
  secret: string;
}
