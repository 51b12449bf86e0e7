//! How the letters of a client look: sender, colour, footer, logo.

use async_graphql::{ComplexObject, Context, InputObject, MaybeUndefined, Object, SimpleObject};
use diesel::prelude::*;

use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::files::{self, File, FileId};
use crate::platform::ids::new_uuid;
use crate::platform::input::{expect_version, sized};
use crate::platform::scope::Ask;
use crate::schema::letter_branding;

/// The most bytes of a logo.
pub(super) const MOST_LOGO: i64 = 1024 * 1024;

/// How the letters of the client look.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = letter_branding)]
#[graphql(complex)]
pub struct LetterBranding {
    /// The small line above the address: who sends, and where to when nobody is there.
    pub sender_line: String,
    /// The colour of subjects and lines, `#rrggbb`.
    pub color: String,
    /// What stands at the foot of each page, in lines; empty if nothing.
    pub footer: String,
    #[graphql(skip)]
    pub(super) logo_file_id: Option<FileId>,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

#[ComplexObject]
impl LetterBranding {
    /// The logo; null if there is none. Right: `core.file.read`.
    async fn logo(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<File>> {
        match self.logo_file_id {
            Some(id) => Ok(ctx.load::<File>(id).await?),
            None => Ok(None),
        }
    }
}

/// How letters look from now on: what is omitted stays, null clears.
#[derive(InputObject, Clone, Debug)]
pub struct LetterBrandingUpdateInput {
    /// The version that was read; refused with `CONFLICT` if it was changed since.
    pub expected_version: Option<i32>,
    /// The small line above the address, 1 to 200 characters; the client's name until it is said.
    pub sender_line: Option<String>,
    /// The colour of subjects and lines, `#rrggbb`; black until it is said.
    pub color: Option<String>,
    /// What stands at the foot of each page, in lines, at most 1,000 characters.
    pub footer: Option<String>,
    /// The logo: a PNG or JPEG of at most 1 MiB. Right: `core.file.read`.
    pub logo: MaybeUndefined<FileId>,
}

crate::platform::payload! {
    /// What became of the look of letters.
    LetterBrandingPayload {
        /// The look as it is now.
        letter_branding: LetterBranding
    }
}

/// How letters look; nothing if nobody has said it.
pub(super) async fn find(tx: &Tx) -> Result<Option<LetterBranding>> {
    tx.maybe(
        letter_branding::table
            .filter(letter_branding::tenant_id.eq(tx.tenant()?))
            .select(LetterBranding::as_select())
            .for_no_key_update(),
    )
    .await
}

/// What is set in a client's name looks like this, whether or not anybody has said how.
#[derive(Clone, Debug)]
pub struct Look {
    /// The client's name.
    pub sender: String,
    /// The small line above the address.
    pub sender_line: String,
    /// The colour of subjects and lines.
    pub color: String,
    /// What stands at the foot of each page.
    pub footer: String,
    /// The logo.
    pub logo: Option<FileId>,
}

/// How what is set in the client's name looks.
pub async fn look(tx: &Tx) -> Result<Look> {
    let sender = crate::correspondence::typeset::client_name(tx).await?;
    let (sender_line, color, footer, logo) = match find(tx).await? {
        Some(said) => (said.sender_line, said.color, said.footer, said.logo_file_id),
        None => (sender.clone(), "#000000".to_owned(), String::new(), None),
    };
    Ok(Look { sender, sender_line, color, footer, logo })
}

/// The ending of a picture that letters can hold; none if it is no such picture.
pub fn picture(file: &File) -> Option<&'static str> {
    match file.media_type.as_deref() {
        Some("image/png") => Some("png"),
        Some("image/jpeg") => Some("jpg"),
        _ => None,
    }
}

async fn check_logo(tx: &Tx, id: FileId) -> Result<()> {
    let found = files::find(tx, id).await?.ok_or_else(|| Error::not_found("logo", "file"))?;
    if !found.is_there() {
        let message = "This file cannot be used: its bytes are not there, or it was deleted.";
        return Err(Error::refuse(UserErrorCode::State, "logo", message));
    }
    if picture(&found).is_none() || found.size.is_none_or(|size| size > MOST_LOGO) {
        let message = "A logo is a PNG or a JPEG of at most 1 MiB.";
        return Err(Error::refuse(UserErrorCode::Invalid, "logo", message));
    }
    Ok(())
}

async fn update(tx: &Tx, input: LetterBrandingUpdateInput) -> Result<LetterBranding> {
    if let Some(line) = &input.sender_line {
        sized("senderLine", line, 1..=200)?;
    }
    sized("footer", input.footer.as_deref().unwrap_or_default(), 0..=1000)?;
    let is_color = |color: &str| {
        color.len() == 7 && color.strip_prefix('#').is_some_and(|hex| hex.bytes().all(|one| one.is_ascii_hexdigit()))
    };
    if input.color.as_deref().is_some_and(|color| !is_color(color)) {
        return Err(Error::refuse(UserErrorCode::Invalid, "color", "A colour is written #rrggbb, e.g. #1a3c6e."));
    }
    if let MaybeUndefined::Value(logo) = input.logo {
        check_logo(tx, logo).await?;
    }
    let tenant = tx.tenant()?;
    let name = crate::correspondence::typeset::client_name(tx).await?;
    // The row of a client is made once; whoever comes second waits for it and finds it.
    tx.exec(
        diesel::insert_into(letter_branding::table)
            .values((
                letter_branding::tenant_id.eq(tenant),
                letter_branding::id.eq(new_uuid()),
                letter_branding::sender_line.eq(name),
                letter_branding::color.eq("#000000"),
            ))
            .on_conflict_do_nothing(),
    )
    .await?;
    let found = find(tx).await?.ok_or_else(|| Error::fault("the look of letters was not kept"))?;
    expect_version(input.expected_version, found.version, "look of letters")?;
    let logo = match input.logo {
        MaybeUndefined::Undefined => found.logo_file_id,
        MaybeUndefined::Null => None,
        MaybeUndefined::Value(id) => Some(id),
    };
    let changed: LetterBranding = tx
        .row(
            diesel::update(letter_branding::table)
                .filter(letter_branding::tenant_id.eq(tenant))
                .set((
                    letter_branding::sender_line.eq(input.sender_line.unwrap_or(found.sender_line)),
                    letter_branding::color.eq(input.color.unwrap_or(found.color).to_ascii_lowercase()),
                    letter_branding::footer.eq(input.footer.unwrap_or(found.footer)),
                    letter_branding::logo_file_id.eq(logo),
                ))
                .returning(LetterBranding::as_returning()),
        )
        .await?;
    // The row holds the file by now: whoever deleted it meanwhile has done so before this.
    if let Some(logo) = logo {
        check_logo(tx, logo).await?;
    }
    Ok(changed)
}

/// Queries of the look of letters.
#[derive(Default)]
pub struct BrandingQuery;

#[Object]
impl BrandingQuery {
    /// How the letters of the client look; null if nobody has said it yet. Right: `office.correspondence.read`.
    async fn letter_branding(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<LetterBranding>> {
        let tx = ctx.tx(Can::CorrespondenceRead).await?;
        let found = letter_branding::table
            .filter(letter_branding::tenant_id.eq(tx.tenant()?))
            .select(LetterBranding::as_select());
        Ok(tx.maybe(found).await?)
    }
}

/// Changes of the look of letters.
#[derive(Default)]
pub struct BrandingMutation;

#[Object]
impl BrandingMutation {
    /// Says how the letters of the client look from now on: what is omitted stays, null clears. Letters that were set stay
    /// as they are. Right: `office.letter_template.manage`.
    async fn letter_branding_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: LetterBrandingUpdateInput,
    ) -> async_graphql::Result<Option<LetterBrandingPayload>> {
        let tx = ctx.tx(Can::LetterTemplateManage).await?;
        let done = async {
            if matches!(input.logo, MaybeUndefined::Value(_)) {
                ctx.tx(Can::FileRead).await?;
            }
            update(tx, input).await
        };
        LetterBrandingPayload::settle(ctx, done.await)
    }
}
