//! `/api/v1/people`: people, and their watchlists.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Json};
use futures_util::StreamExt;
use jiff::Timestamp;
use playrelay_util::clock;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::exports::history::ExportFormat;
use crate::imports::ImportFormat;
use crate::jobs::spec::JobSpec;
use crate::operations::imports::Upload;
use crate::operations::private_addresses::PrivateAddress;
use crate::operations::{export, imports, jobs, people, private_addresses, watchlist};
use crate::web::access::ownership;
use crate::web::access::permissions::Permission;
use crate::web::access::principal::Principal;
use crate::web::api::context::Api;
use crate::web::api::download::Download;
use crate::web::api::extract;
use crate::web::api::extract::{Path, Query};
use crate::web::api::jobs::JobView;
use crate::web::api::paging::{limit, offset};
use crate::web::api::problem::{Problem, ProblemCode, Problems};
use crate::web::api::title::Title;

/// A person.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PersonView {
    /// The name.
    #[schema(example = "mia")]
    name: String,
    /// Whether a section [people.NAME] describes them; they were seen on a server otherwise.
    #[schema(example = true)]
    is_configured: bool,
    /// In whose days their plays are counted; absent where the zone has no name.
    #[schema(example = "Europe/Berlin")]
    timezone: Option<String>,
    /// The users of servers that they are, in words.
    #[schema(example = json!(["mia"]))]
    users: Vec<String>,
}

/// All people.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct People {
    /// Those of the configuration first.
    items: Vec<PersonView>,
}

/// Which part of a list is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Part {
    /// So many entries are left out: `next` of the answer before.
    #[param(example = 0, maximum = 1_000_000)]
    offset: Option<u32>,
    /// At most so many, 1 to 500.
    #[param(example = 20, minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// A title on a watchlist.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListedView {
    /// The number of the title.
    #[schema(example = 1)]
    id: i64,
    /// The title.
    title: Title,
    /// Since when it stands on the list.
    added_at: Timestamp,
    /// The account that it came from.
    #[schema(example = "list")]
    origin: String,
    /// Whether the person has watched it, or something of it.
    is_watched: bool,
}

/// A watchlist.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Watchlist {
    /// In its order.
    items: Vec<ListedView>,
    /// All titles of the list.
    #[schema(example = 1)]
    total: u32,
    /// `offset` of the next page; absent on the last one.
    next: Option<u32>,
}

/// A person's webhook address at a source.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PrivateAddressView {
    /// The source whose server sends there.
    #[schema(example = "home")]
    source: String,
    /// The address, with its secret.
    #[schema(example = "http://192.168.1.5:8787/webhook/home/0f3a1b2c4d5e6f70")]
    url: String,
}

/// A person's webhook addresses.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PrivateAddresses {
    /// One for each source that takes webhooks.
    items: Vec<PrivateAddressView>,
}

impl From<Vec<PrivateAddress>> for PrivateAddresses {
    fn from(addresses: Vec<PrivateAddress>) -> Self {
        let items = addresses.into_iter().map(|it| PrivateAddressView { source: it.source, url: it.url });
        Self { items: items.collect() }
    }
}

/// What an upload is.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UploadFacts {
    /// Whose form it has: a word that `playrelay import --help` lists.
    #[param(example = "letterboxd")]
    format: String,
    /// The name of the file.
    #[param(example = "diary.csv")]
    file: Option<String>,
    /// Trackers that are told of what is imported, with commas between. It needs the scope `control`.
    #[param(example = "bob")]
    tell: Option<String>,
}

/// Whose list is read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Import {
    /// The source or tracker that keeps it.
    #[schema(example = "list")]
    account: String,
}

/// All people.
#[utoipa::path(get, path = "/api/v1/people", tag = "people", responses((status = 200, body = People), Problems))]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
) -> Result<Json<People>, Problem> {
    let app = api.app();
    let people = people::all(&app.store, &app.config).await?.into_iter();
    let people = people.filter(|it| ownership::may_see(&principal, &it.person.name));
    let items = people.map(|it| PersonView {
        is_configured: app.config.people.contains_key(&it.person.name),
        timezone: it.person.zone.iana_name().map(str::to_owned),
        users: it.seen.iter().map(|seen| seen.user.to_string()).collect(),
        name: it.person.name,
    });
    Ok(Json(People { items: items.collect() }))
}

/// A person's watchlist, in its order.
#[utoipa::path(
    get,
    path = "/api/v1/people/{name}/watchlist",
    tag = "people",
    params(("name" = String, Path, description = "The person's name", example = "mia"), Part),
    responses((status = 200, body = Watchlist), Problems)
)]
pub(crate) async fn watchlist(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path(name): Path<String>,
    Query(part): Query<Part>,
) -> Result<Json<Watchlist>, Problem> {
    ownership::require(&principal, &name)?;
    let (app, limit) = (api.app(), limit(part.limit)?);
    let offset = offset("offset", part.offset)?.unwrap_or(0);
    let history = people::find(&app.store, &app.config, &name).await?;
    let name = &history.person.name;
    let listed = app.store.watchlist(name, history.viewers(), offset, limit).await?;
    let total = app.store.count_watchlist(name).await?;
    let next = offset.saturating_add(limit);
    let items = listed.into_iter().map(|it| ListedView {
        id: it.title.id,
        title: Title::from(&it.title.item),
        added_at: it.added_at,
        origin: it.origin,
        is_watched: it.is_watched,
    });
    Ok(Json(Watchlist { items: items.collect(), total, next: (next < total).then_some(next) }))
}

/// The form of an export.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// The form, by its word in docs/export.md.
    #[param(example = "jsonl", pattern = "^[a-z]+$")]
    format: String,
}

/// A person's plays and ratings, as the files of `playrelay export` in a zip archive. One at a time is written.
#[utoipa::path(
    get,
    path = "/api/v1/people/{name}/export",
    tag = "people",
    params(("name" = String, Path, description = "Whose", example = "mia"), ExportQuery),
    responses((status = 200, description = "A zip archive", content_type = "application/zip", body = Vec<u8>), Problems)
)]
pub(crate) async fn download(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path(name): Path<String>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Problem> {
    ownership::require(&principal, &name)?;
    let format = export_format(&query.format)?;
    let app = api.app();
    let person = people::find(&app.store, &app.config, &name).await?;
    let download = Download::begin(&api)?;
    let archive = export::export_archive(&app.store, format, download.folder(), &person).await?;
    let day = clock::now().strftime("%Y-%m-%d");
    download.send(&archive, "application/zip", &format!("playrelay-{}-{day}.zip", query.format)).await
}

/// The form of an archive.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewExport {
    /// The form, by its word in docs/export.md.
    #[schema(example = "jsonl")]
    format: String,
}

/// Writes a person's plays and ratings into an archive, as a job. `/api/v1/jobs/{id}/file` has it once the job is done, for 30 days.
#[utoipa::path(
    post,
    path = "/api/v1/people/{name}/exports",
    tag = "people",
    params(("name" = String, Path, description = "Whose", example = "mia")),
    request_body = NewExport,
    responses((status = 202, body = JobView), Problems)
)]
pub(crate) async fn export(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path(name): Path<String>,
    extract::Json(wanted): extract::Json<NewExport>,
) -> Result<(StatusCode, Json<JobView>), Problem> {
    ownership::require(&principal, &name)?;
    let format = export_format(&wanted.format)?.as_str().to_owned();
    let app = api.app();
    let person = people::find(&app.store, &app.config, &name).await?.person.name;
    let id = api.jobs.add(&person, &JobSpec::Export { format }).await?;
    let job = jobs::find(&app.store, id).await?;
    Ok((StatusCode::ACCEPTED, Json(JobView::of(&app.store, &job).await?)))
}

fn export_format(word: &str) -> Result<ExportFormat, Problem> {
    ExportFormat::parse(word).ok_or_else(|| {
        let known = ExportFormat::ALL.map(ExportFormat::as_str).join(", ");
        Problem::new(ProblemCode::Invalid, format!("`format` is {word:?}; expected one of {known}"), "")
    })
}

/// The webhook addresses that belong to a person: what comes there is recorded for them alone. Empty where none was made.
#[utoipa::path(
    get,
    path = "/api/v1/people/{name}/webhook",
    tag = "people",
    params(("name" = String, Path, description = "The name of a section [people.NAME]", example = "mia")),
    responses((status = 200, body = PrivateAddresses), Problems)
)]
pub(crate) async fn webhook(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
) -> Result<Json<PrivateAddresses>, Problem> {
    Ok(Json(private_addresses::list(&api.app(), &name).await?.into()))
}

/// Makes webhook addresses for a person, in place of those before, which end at once.
#[utoipa::path(
    post,
    path = "/api/v1/people/{name}/webhook",
    tag = "people",
    params(("name" = String, Path, description = "The name of a section [people.NAME]", example = "mia")),
    responses((status = 200, body = PrivateAddresses), Problems)
)]
pub(crate) async fn renew_webhook(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
) -> Result<Json<PrivateAddresses>, Problem> {
    let addresses = private_addresses::renew(&api.app(), &name).await?;
    api.reload.notify_one();
    Ok(Json(addresses.into()))
}

/// Takes a person's webhook addresses away.
#[utoipa::path(
    delete,
    path = "/api/v1/people/{name}/webhook",
    tag = "people",
    params(("name" = String, Path, description = "The name of a section [people.NAME]", example = "mia")),
    responses((status = 204), Problems)
)]
pub(crate) async fn remove_webhook(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    private_addresses::remove(&api.app(), &name).await?;
    api.reload.notify_one();
    Ok(StatusCode::NO_CONTENT)
}

/// Reads the watchlist of an account into a person's own, as a job: what is missing comes in front, in the order of the account.
#[utoipa::path(
    post,
    path = "/api/v1/people/{name}/watchlist/import",
    tag = "people",
    params(("name" = String, Path, description = "The person's name", example = "mia")),
    request_body = Import,
    responses((status = 202, body = JobView), Problems)
)]
pub(crate) async fn import_watchlist(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path(name): Path<String>,
    extract::Json(import): extract::Json<Import>,
) -> Result<(StatusCode, Json<JobView>), Problem> {
    ownership::require(&principal, &name)?;
    let app = api.app();
    let (person, spec) = watchlist::import(&app, &name, &import.account).await?;
    let id = api.jobs.add(&person, &spec).await?;
    let job = jobs::find(&app.store, id).await?;
    Ok((StatusCode::ACCEPTED, Json(JobView::of(&app.store, &job).await?)))
}

/// Reads a history that another program wrote, as a job: it shows what would come of each row, and waits for `continue`. Trackers are told only where `tell` names
/// them.
#[utoipa::path(
    post,
    path = "/api/v1/people/{name}/imports",
    tag = "people",
    params(("name" = String, Path, description = "The person's name", example = "mia"), UploadFacts),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file: at most 200 MB"),
    responses((status = 202, body = JobView), Problems)
)]
pub(crate) async fn import_history(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path(name): Path<String>,
    Query(facts): Query<UploadFacts>,
    body: Body,
) -> Result<(StatusCode, Json<JobView>), Problem> {
    ownership::require(&principal, &name)?;
    let app = api.app();
    let format = ImportFormat::parse(&facts.format).ok_or_else(|| {
        let known = ImportFormat::ALL.map(ImportFormat::as_str).join(", ");
        let detail = format!("`format` is {:?}; expected one of {known}", facts.format);
        Problem::new(ProblemCode::Invalid, detail, "")
    })?;
    let tell: Vec<String> = facts.tell.iter().flat_map(|names| names.split(',')).map(str::to_owned).collect();
    if !tell.is_empty() && !principal.may(Permission::Control) {
        let detail = "trackers are told by whoever may change deliveries";
        return Err(Problem::new(ProblemCode::Forbidden, detail, Permission::Control.remedy()));
    }
    let mut upload = Upload::begin(&app.config.server.data_dir)?;
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| {
            let detail = format!("the body cannot be read: {error}");
            Problem::new(ProblemCode::InvalidRequest, detail, "send it again")
        })?;
        upload.write(&piece)?;
    }
    if upload.is_empty() {
        let detail = "the body is empty; expected a file";
        return Err(Problem::new(ProblemCode::Invalid, detail, "send the file as the body"));
    }
    let file = facts.file.unwrap_or_default();
    let (person, spec) = imports::job(&app, &name, format, &upload.finish(), &file, &tell).await?;
    let id = api.jobs.add(&person, &spec).await?;
    let job = jobs::find(&app.store, id).await?;
    Ok((StatusCode::ACCEPTED, Json(JobView::of(&app.store, &job).await?)))
}

/// Takes a title off a person's watchlist. No service is told.
#[utoipa::path(
    delete,
    path = "/api/v1/people/{name}/watchlist/{title}",
    tag = "people",
    params(
        ("name" = String, Path, description = "The person's name", example = "mia"),
        ("title" = i64, Path, description = "The number of the title", example = 1)
    ),
    responses((status = 204), Problems)
)]
pub(crate) async fn remove_from_watchlist(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path((name, title)): Path<(String, i64)>,
) -> Result<StatusCode, Problem> {
    ownership::require(&principal, &name)?;
    let app = api.app();
    watchlist::remove(&app.store, &app.config, &name, title).await?;
    Ok(StatusCode::NO_CONTENT)
}
