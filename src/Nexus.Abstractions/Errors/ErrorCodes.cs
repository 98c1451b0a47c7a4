using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Nexus;

/// <summary>The catalogue of error codes. Every code that leaves the process stands here; <c>surface/errors.md</c> and <c>nexus explain</c> are drawn from it.</summary>
public static class ErrorCodes
{
#pragma warning disable CS1591 // the entries below say it all
    public const string ValidationError = "VALIDATION_ERROR";
    public const string BadRequest = "BAD_REQUEST";
    public const string RuleViolation = "RULE_VIOLATION";
    public const string AuthenticationRequired = "AUTHENTICATION_REQUIRED";
    public const string CredentialsInvalid = "CREDENTIALS_INVALID";
    public const string AccountLocked = "ACCOUNT_LOCKED";
    public const string AccountDisabled = "ACCOUNT_DISABLED";
    public const string EmailNotVerified = "EMAIL_NOT_VERIFIED";
    public const string TwoFactorRequired = "TWO_FACTOR_REQUIRED";
    public const string TokenInvalid = "TOKEN_INVALID";
    public const string PermissionDenied = "PERMISSION_DENIED";
    public const string AddressBlocked = "ADDRESS_BLOCKED";
    public const string RequestBlocked = "REQUEST_BLOCKED";
    public const string CsrfTokenInvalid = "CSRF_TOKEN_INVALID";
    public const string PasswordChangeRequired = "PASSWORD_CHANGE_REQUIRED";
    public const string HostNotAllowed = "HOST_NOT_ALLOWED";
    public const string OriginNotAllowed = "ORIGIN_NOT_ALLOWED";
    public const string IdentityRequired = "IDENTITY_REQUIRED";
    public const string ResourceNotFound = "RESOURCE_NOT_FOUND";
    public const string RouteNotFound = "ROUTE_NOT_FOUND";
    public const string MethodNotAllowed = "METHOD_NOT_ALLOWED";
    public const string NotAcceptable = "NOT_ACCEPTABLE";
    public const string RateLimited = "RATE_LIMITED";
    public const string RequestTimeout = "REQUEST_TIMEOUT";
    public const string Conflict = "CONFLICT";
    public const string UniqueViolation = "UNIQUE_VIOLATION";
    public const string IdempotencyConflict = "IDEMPOTENCY_CONFLICT";
    public const string IdempotencyInFlight = "IDEMPOTENCY_IN_FLIGHT";
    public const string IdempotencyAnswerNotKept = "IDEMPOTENCY_ANSWER_NOT_KEPT";
    public const string PreconditionFailed = "PRECONDITION_FAILED";
    public const string PayloadTooLarge = "PAYLOAD_TOO_LARGE";
    public const string UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE";
    public const string PictureUnreadable = "PICTURE_UNREADABLE";
    public const string JsonTooDeep = "JSON_TOO_DEEP";
    public const string ArrayTooLong = "ARRAY_TOO_LONG";
    public const string StringTooLong = "STRING_TOO_LONG";
    public const string CursorInvalid = "CURSOR_INVALID";
    public const string FilterInvalid = "FILTER_INVALID";
    public const string InternalError = "INTERNAL_ERROR";
    public const string ServiceUnavailable = "SERVICE_UNAVAILABLE";
    public const string StorageUnavailable = "STORAGE_UNAVAILABLE";
    public const string ShardCrossed = "SHARD_CROSSED";
    public const string ProtectionFailed = "PROTECTION_FAILED";
    public const string StorageCorrupt = "STORAGE_CORRUPT";
    public const string PathForbidden = "PATH_FORBIDDEN";
    public const string MigrationFailed = "MIGRATION_FAILED";
    public const string PluginNotFound = "PLUGIN_NOT_FOUND";
    public const string PluginAlreadyInstalled = "PLUGIN_ALREADY_INSTALLED";
    public const string PluginManifestInvalid = "PLUGIN_MANIFEST_INVALID";
    public const string PluginPackageInvalid = "PLUGIN_PACKAGE_INVALID";
    public const string PluginDependencyError = "PLUGIN_DEPENDENCY_ERROR";
    public const string PluginIncompatible = "PLUGIN_INCOMPATIBLE";
    public const string PluginLoadFailed = "PLUGIN_LOAD_FAILED";
    public const string PluginStartupFailed = "PLUGIN_STARTUP_FAILED";
    public const string PluginUnhealthy = "PLUGIN_UNHEALTHY";
    public const string RollingChangeFailed = "ROLLING_CHANGE_FAILED";
    public const string PluginConfigurationError = "PLUGIN_CONFIGURATION_ERROR";
    public const string PluginRegistrationFailed = "PLUGIN_REGISTRATION_FAILED";
    public const string PluginQuarantined = "PLUGIN_QUARANTINED";
    public const string PluginPermissionDenied = "PLUGIN_PERMISSION_DENIED";
    public const string PluginUntrusted = "PLUGIN_UNTRUSTED";
    public const string CapabilityDenied = "CAPABILITY_DENIED";
    public const string QuotaExceeded = "QUOTA_EXCEEDED";
    public const string CacheKeyInvalid = "CACHE_KEY_INVALID";
    public const string PluginCommunicationTimeout = "PLUGIN_COMMUNICATION_TIMEOUT";
    public const string PluginNotSwappable = "PLUGIN_NOT_SWAPPABLE";
    public const string InvalidEventType = "INVALID_EVENT_TYPE";
    public const string EventNotFound = "EVENT_NOT_FOUND";
    public const string EventTooLarge = "EVENT_TOO_LARGE";
    public const string EventExpired = "EVENT_EXPIRED";
    public const string InsufficientEventPermissions = "INSUFFICIENT_EVENT_PERMISSIONS";
    public const string EventTimeout = "EVENT_TIMEOUT";
    public const string TaskUnknown = "TASK_UNKNOWN";
    public const string TaskNotFound = "TASK_NOT_FOUND";
    public const string TaskNotFinished = "TASK_NOT_FINISHED";
    public const string TaskTooLarge = "TASK_TOO_LARGE";
    public const string ScheduleInvalid = "SCHEDULE_INVALID";
    public const string ServiceNotFound = "SERVICE_NOT_FOUND";
    public const string ConfigurationError = "CONFIG_VALIDATION_ERROR";
    public const string ImportUnreadable = "IMPORT_UNREADABLE";
    public const string ImportAmbiguous = "IMPORT_AMBIGUOUS";
    public const string ImportUndone = "IMPORT_UNDONE";
    public const string AmountInvalid = "AMOUNT_INVALID";
    public const string AmountOverflow = "AMOUNT_OVERFLOW";
    public const string JournalUnbalanced = "JOURNAL_UNBALANCED";
    public const string JournalReversed = "JOURNAL_REVERSED";
    public const string ExternalSignInRefused = "EXTERNAL_SIGN_IN_REFUSED";
#pragma warning restore CS1591

    /// <summary>Every entry, sorted by code.</summary>
    public static ImmutableArray<ErrorCode> All { get; } = [.. OfRequests().Concat(OfPlugins()).OrderBy(e => e.Code, StringComparer.Ordinal)];

    private static readonly FrozenDictionary<string, ErrorCode> ByCode = All.ToFrozenDictionary(e => e.Code, StringComparer.Ordinal);

    /// <summary>The entry of a code; a code that is not in the catalogue is a bug and gets that of <c>INTERNAL_ERROR</c>.</summary>
    public static ErrorCode Get(string code) => Find(code) ?? ByCode[InternalError];

    /// <summary>The entry of a code, or null.</summary>
    public static ErrorCode? Find(string code) => ByCode.GetValueOrDefault(code);

    private static IEnumerable<ErrorCode> OfRequests() =>
    [
        new(ValidationError, 422, "The input is not valid", "One or more fields break a rule of the resource; each is listed in `errors` with a JSON pointer.", "Correct the listed fields and send the request again."),
        new(BadRequest, 400, "The request cannot be read", "The body is not well-formed JSON, or a query parameter is not of its form.", "Correct the request; `detail` says where it breaks."),
        new(RuleViolation, 422, "A rule refused the change", "A rule of the plugin's domain does not allow this change now.", "Read `detail`; bring the record into a state in which the change is allowed."),
        new(AuthenticationRequired, 401, "Sign in first", "The route needs a caller and the request has none.", "Send a bearer token or an API key."),
        new(CredentialsInvalid, 401, "Name, password or code is wrong", "No account matches what was sent, or a second factor's code does not hold.", "Check what was typed; `attempts_remaining` says how many tries are left before the account is locked for a while."),
        new(AccountLocked, 423, "Locked for a while", "Too many wrong passwords were tried for this account.", "Wait as `Retry-After` says, or reset the password by mail."),
        new(AccountDisabled, 403, "The account is disabled", "An administrator has taken this account the right to sign in.", "Ask an administrator."),
        new(EmailNotVerified, 403, "The e-mail address is not verified", "The account exists and its address was not confirmed yet.", "Open the link in the mail, or ask for another one."),
        new(TwoFactorRequired, 401, "A second proof is needed", "The password holds and the account has a second factor.", "Send the same request with the current `code`."),
        new(TokenInvalid, 400, "The token does not hold", "A token of a mail or of an exchange is unknown, used or expired.", "Ask for a new one."),
        new(PermissionDenied, 403, "Not allowed", "The caller lacks the permission named in `detail`.", "Ask an administrator for a role that has it."),
        new(AddressBlocked, 403, "This address is not served", "The caller's address is denied or not among those allowed (`security.addresses`), or blocked for a time after too many failed sign-ins or by an operator.", "Call from another address, wait as `Retry-After` says, or ask an operator to unblock it (`DELETE /api/v1/security/block-ip/{address}`)."),
        new(RequestBlocked, 403, "The request looks like an attack", "A request rule found the shape of an injection, a script, a path traversal or a command in the path or the query.", "Send such text in a JSON body, which is stored as it is; an operator can set `security.requestRules`."),
        new(CsrfTokenInvalid, 403, "The CSRF token is missing or wrong", "The request is signed in by cookie and changes something, and `X-CSRF-Token` does not repeat the token of the sign-in.", "Send the token that the sign-in answered in `X-CSRF-Token`, or a bearer token instead of the cookie."),
        new(PasswordChangeRequired, 403, "Change the password first", "The caller signed in with a password that must be changed before anything else.", "Change the password (`PUT /api/v1/auth/password`) and sign in again."),
        new(HostNotAllowed, 421, "This host name is not served", "The Host header names a host that is not in `server.allowedHosts`; this stops web pages from reaching a local node by DNS rebinding.", "Call the node by 127.0.0.1 or localhost, or add the name to `server.allowedHosts`."),
        new(OriginNotAllowed, 403, "Another site's page may not call", "A browser sent the request on behalf of a page whose origin is not in `server.allowedOrigins`.", "Add the page's origin to `server.allowedOrigins` if it should be allowed."),
        new(IdentityRequired, 500, "Production needs identity", "The host runs as production and nothing tells who its callers are.", "Enable an identity plugin; for development set the environment to Development."),
        new(ResourceNotFound, 404, "No such record", "No record of that id exists, or the caller may not see it.", "Check the id; list the resource to see what there is."),
        new(RouteNotFound, 404, "No such route", "Nothing is served at this path; its plugin may be disabled or stopped.", "See `nexus routes` or `/openapi.json` for what is served."),
        new(MethodNotAllowed, 405, "Method not allowed", "The path exists but not with this method.", "Use one of the methods in the `Allow` header."),
        new(NotAcceptable, 406, "No acceptable form", "None of the media types in `Accept` can be produced.", "Ask for application/json."),
        new(RateLimited, 429, "Too many requests", "The caller used the route, or the node, more often than its limit allows within one window.", "Wait as `Retry-After` says; `RateLimit-Limit` has the limit and `RateLimit-Remaining` what is left."),
        new(RequestTimeout, 408, "The request took too long", "The body arrived too slowly or the handler exceeded its time limit.", "Send it again; for long work use a task."),
        new(Conflict, 409, "The change conflicts with another one", "A record of that id exists already, or another change came in between.", "Read the current state and decide again."),
        new(UniqueViolation, 409, "The value is taken", "A unique index already has this value.", "Use another value for the field in `detail`."),
        new(IdempotencyConflict, 422, "The idempotency key was used for another request", "The same `Idempotency-Key` came with a different body, path or method.", "Use a new key for a new request."),
        new(IdempotencyInFlight, 409, "The first request with this key is still running", "Two requests with one `Idempotency-Key` overlap.", "Wait as `Retry-After` says and send it again."),
        new(IdempotencyAnswerNotKept, 409, "The request was carried out before, but its answer was not kept", "The answer to the first request with this `Idempotency-Key` was larger than 1 MB.", "Nothing was done again. Read the result with GET (`Location` names it where the first answer did); do not send the request with another key."),
        new(PreconditionFailed, 412, "The record has changed", "`If-Match` names a revision that is no longer current.", "Read the record again and repeat the change on its new revision."),
        new(PayloadTooLarge, 413, "The body is too large", "The body exceeds `server.limits.bodyBytes` or the route's own limit.", "Send less, or in several requests."),
        new(UnsupportedMediaType, 415, "Media type not supported", "The route does not read this `Content-Type`.", "Send what the route reads, which `detail` names: mostly application/json (PATCH: application/merge-patch+json); for attachments the types that the resource takes."),
        new(PictureUnreadable, 422, "The picture cannot be shown small", "What is attached is no whole JPEG, PNG, WebP or GIF, or has more bytes or pixels than are read for that.", "Ask for the original, without `width`; attach a whole or smaller picture."),
        new(JsonTooDeep, 400, "The JSON is nested too deeply", "Nesting exceeds `server.limits.jsonDepth`.", "Flatten the document."),
        new(ArrayTooLong, 400, "An array is too long", "An array has more elements than `server.limits.arrayLength`.", "Send it in several requests."),
        new(StringTooLong, 400, "A string is too long", "A string is longer than `server.limits.stringLength`.", "Shorten it, or store it as a blob."),
        new(CursorInvalid, 400, "The cursor cannot be read", "The cursor was altered, or belongs to another list, sort or filter.", "Start the list again without a cursor."),
        new(FilterInvalid, 400, "The filter cannot be read", "A filter names an unknown field or operator, or compares with a value of another kind.", "See the resource's fields in `/openapi.json`."),
        new(InternalError, 500, "Something went wrong on our side", "A bug or an unexpected failure; the full record is in the log under the id of the request.", "Give the operator the `requestId`."),
        new(ServiceUnavailable, 503, "Not available now", "The plugin or service that would answer is stopped, starting or failed.", "Retry after the time in `Retry-After`; `nexus plugin list` shows the state."),
        new(StorageUnavailable, 503, "The storage does not answer", "The configured storage engine cannot be reached or its disk is full.", "See `/health` for the engine's own message."),
        new(ShardCrossed, 422, "A change would span two databases", "One unit of work wrote what belongs to tenants that lie in different databases, `database.shards`; nothing of it was stored.", "Write each tenant's part in a unit of its own: handle an event or run a task of that tenant."),
        new(ProtectionFailed, 500, "A protected value cannot be opened or sealed", "It was altered or moved, or the master key that wraps its key is not there.", "Check the encryption settings and the master key; restore the record or the key from a backup."),
        new(StorageCorrupt, 500, "Stored data is damaged", "A checksum of stored data does not match.", "Stop the node and restore a backup."),
        new(PathForbidden, 403, "Not the plugin's own data", "A plugin addressed a path outside its own part of the tree.", "Use a service of the plugin that owns the data."),
        new(MigrationFailed, 500, "A migration failed", "A migration of the plugin broke or was altered after it had run; the data is as it was.", "Correct the named file; published migrations are never edited, add a new one."),
    ];

    private static IEnumerable<ErrorCode> OfPlugins() =>
    [
        new(PluginNotFound, 404, "No such plugin", "No plugin of that id is known to this node.", "`nexus plugin list` shows the known ones."),
        new(PluginAlreadyInstalled, 409, "The plugin is installed already", "A plugin of that id exists.", "Use `nexus plugin update`, or remove it first."),
        new(PluginManifestInvalid, 400, "The manifest is not valid", "`manifest.json` breaks the schema; every error is listed.", "Correct the listed keys; `nexus plugin validate` checks them."),
        new(PluginPackageInvalid, 400, "The package is not valid", "The package is damaged, has files that its list does not name, or a hash differs.", "Pack it again with `nexus plugin pack`."),
        new(PluginDependencyError, 409, "A dependency is not met", "A plugin it needs is missing, has another version, or the needs form a cycle; or others need the plugin.", "Read `detail`: it names what was wanted, what was found and by whom."),
        new(PluginIncompatible, 400, "The plugin does not fit this host", "Its `requires` range excludes this host's version, or it was built against another contract.", "Update the host or rebuild the plugin."),
        new(PluginLoadFailed, 500, "The plugin's code cannot be loaded", "The entry assembly is missing or not managed, has no plugin class, or `Configure` threw.", "Read `detail`; rebuild the plugin."),
        new(PluginStartupFailed, 500, "The plugin did not start", "`StartAsync` threw or exceeded its time limit.", "Read `detail` and the plugin's log."),
        new(PluginUnhealthy, 500, "The new version is not healthy", "Its health check failed before publication or within the watch period; the old version serves.", "Read `detail`; correct the plugin and update again."),
        new(RollingChangeFailed, 500, "A node failed, so all nodes went back", "A change of a plugin on all nodes stopped at a node that did not come up or was not healthy; the nodes that had changed are as they were.", "Read `detail`: it names the node and the cause; `nexus nodes changes` shows each node."),
        new(PluginConfigurationError, 400, "The plugin's configuration is not valid", "A value of the plugin's section breaks its schema.", "Correct the keys that are listed."),
        new(PluginRegistrationFailed, 409, "The plugin's declarations clash", "A route, resource, prefix or service name is already taken by another plugin, or declared twice.", "Rename one of the two that `detail` names."),
        new(PluginQuarantined, 500, "The plugin is quarantined", "Its old code would not leave memory, or it crashed repeatedly.", "`nexus plugin why-alive` names what holds it; correct it and restart the node."),
        new(PluginPermissionDenied, 403, "The plugin lacks a capability", "The plugin used something that its manifest does not ask for.", "Add it to `permissions` in the manifest, with a reason."),
        new(PluginUntrusted, 403, "The package is not trusted", "It is not signed, was altered after it was signed, or its key is unknown, expired or revoked.", "Read `detail`: it names the rule; `nexus plugin verify` checks a package, `nexus plugin trust` says which keys count."),
        new(CapabilityDenied, 403, "The plugin may not do this", "The plugin used a capability that its manifest does not ask for, or that an operator denied.", "Add it to `permissions` in the manifest, with a reason; or allow it with `nexus plugin grant`."),
        new(QuotaExceeded, 429, "The plugin has used up its quota", "The plugin made more calls or events in a minute, or stores more bytes, than `plugins.quotas` allows.", "Wait a minute, delete what it no longer needs, or raise the quota."),
        new(CacheKeyInvalid, 500, "Not a cache key", "A plugin named a cache key that is empty, too long, or below a service that is not its own.", "Correct the plugin: keys are `nexus:{service}:{entity}:{id}:{discriminator}`, and the service is its id or a name it declared by `AddCacheName`."),
        new(PluginCommunicationTimeout, 408, "The plugin did not answer in time", "A message to the plugin got no reply within its time limit.", "See the plugin's log; raise `timeout` if it needs longer."),
        new(PluginNotSwappable, 409, "The plugin cannot be replaced while running", "It is `stable`; its code stays until the node restarts.", "Restart the node, or make the plugin `hot`."),
        new(InvalidEventType, 400, "Not an event name", "Event names are two or more dotted lower-case words, such as `orders.created`.", "Rename the event."),
        new(EventNotFound, 404, "No such event", "No event of that id is stored; it may have been purged.", "Check the id."),
        new(EventTooLarge, 413, "The event is too large", "An event's data exceeds `events.maxBytes`.", "Store the data as a blob and send its address."),
        new(EventExpired, 410, "The event has expired", "Its `expiresAt` passed before delivery.", "Publish it again if it still matters."),
        new(InsufficientEventPermissions, 403, "Not allowed to publish or follow events", "The caller lacks the permission on events that is named in `detail`.", "Ask an administrator for a role or key with the scope `events:emit` to publish, `events:subscribe` to read and follow."),
        new(EventTimeout, 504, "No answer in time", "A request over events got no reply within its time limit.", "See whether the answering plugin is active; raise the limit."),
        new(TaskUnknown, 400, "No such kind of task", "No active plugin declares a task of this name, or the name breaks the grammar.", "`nexus tasks types` lists the names; enable the plugin that declares it."),
        new(TaskNotFound, 404, "No such task", "No task of that id is stored; finished ones are removed after `tasks.retention`.", "Check the id."),
        new(TaskNotFinished, 409, "The task has no result", "It still waits or runs, or it failed or was cancelled.", "Read its state first; follow its progress; retry it when it failed."),
        new(TaskTooLarge, 413, "The task's input or result is too large", "It exceeds `tasks.maxBytes`.", "Store the data as a blob or record and pass its address."),
        new(ScheduleInvalid, 500, "A schedule cannot be read", "Its expression is no cron expression of five or six fields and no `@every` interval, its time zone is unknown, or it names a task that its plugin does not declare.", "Correct the schedule; the message names the field."),
        new(ServiceNotFound, 503, "No provider of the service", "No active plugin provides the contract.", "Enable a plugin that provides it; `nexus services` lists them."),
        new(ConfigurationError, 400, "The configuration is not valid", "One or more values break the schema; each is listed with file, line and key.", "Correct the listed keys; `nexus config validate` checks them."),
        new(ImportUnreadable, 422, "The statement cannot be read", "The file is none of the known formats, or is damaged at the named line.", "Export it again from the bank, as OFX, QIF or CSV."),
        new(ImportAmbiguous, 422, "The statement can be read in more than one way", "Columns, dates or number marks allow several readings; each question is listed.", "Answer the listed questions in the profile and send it again."),
        new(ImportUndone, 409, "The import is undone already", "All journals of the batch were reversed by an earlier undo.", "Import the file again if its lines are wanted."),
        new(AmountInvalid, 422, "Not an exact amount", "The text is not a decimal number, or has more digits after the mark than its commodity.", "Write digits with a dot as decimal mark, with no more digits than the commodity's scale."),
        new(AmountOverflow, 422, "The amount is too large", "An amount or a sum of amounts reaches 10^28 smallest parts.", "Check the number; use a commodity with a smaller scale."),
        new(JournalUnbalanced, 422, "The journal does not balance", "The postings of a journal sum to other than zero in a commodity.", "Correct the amounts so that they sum to zero in each commodity."),
        new(JournalReversed, 409, "The journal is reversed already", "A journal can be reversed or edited once; its successor is named in `detail`.", "Change the successor instead."),
        new(ExternalSignInRefused, 401, "The other site's sign-in is refused", "The identity token of the provider does not hold (signature, issuer, audience, time or nonce), or its address is not verified.", "Begin the sign-in again; the log has the reason under the trace id."),
    ];
}
