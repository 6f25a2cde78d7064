//! What licensing is asked about reservations.

use leasehold_proto::licensing::v1 as pb;
use leasehold_runtime::ApiError;
use leasehold_runtime::http::Problem;

use super::{Services, answered};
use crate::model::{GroupInput, List, Listing, ReservationGroup};

impl Services<'_> {
    /// The reservation groups.
    pub(crate) async fn reservation_groups(
        &self,
        instance: &str,
        list: &List,
    ) -> Result<Listing<ReservationGroup>, Problem> {
        let (instance, page) = (instance.to_owned(), Some(list.request()));
        let request = self.ask(pb::ListReservationGroupsRequest { instance, page });
        let answer = answered(self.to_licensing().list_reservation_groups(request).await)?;
        Ok(Listing::answered(answer.groups, answer.page, ReservationGroup::from))
    }

    /// One reservation group.
    pub(crate) async fn reservation_group(
        &self,
        instance: &str,
        id: &str,
    ) -> Result<ReservationGroup, Problem> {
        // The service finds groups by name alone, so that the list is gone through.
        let mut list = List::default().largest();
        loop {
            let page = self.reservation_groups(instance, &list).await?;
            if let Some(found) = page.items.into_iter().find(|group| group.group_id.eq_ignore_ascii_case(id))
            {
                return Ok(found);
            }
            let missing = "reservation group of this id; the list has those there are";
            list.page_token = page.next_page_token.ok_or_else(|| ApiError::not_found(missing))?;
        }
    }

    /// Adds a group, whole or not at all.
    pub(crate) async fn create_reservation_group(
        &self,
        instance: &str,
        group: GroupInput,
    ) -> Result<ReservationGroup, Problem> {
        let allow_unsatisfied = group.allow_unsatisfied;
        let group = Some(group.message("", "")?);
        let instance = instance.to_owned();
        let request = self.ask(pb::CreateReservationGroupRequest { instance, group, allow_unsatisfied });
        let answer = answered(self.to_licensing().create_reservation_group(request).await)?;
        Ok(answer.group.unwrap_or_default().into())
    }

    /// Replaces a group of this revision.
    pub(crate) async fn update_reservation_group(
        &self,
        instance: &str,
        id: &str,
        etag: &str,
        group: GroupInput,
    ) -> Result<ReservationGroup, Problem> {
        let allow_unsatisfied = group.allow_unsatisfied;
        let group = Some(group.message(id, etag)?);
        let instance = instance.to_owned();
        let request = self.ask(pb::UpdateReservationGroupRequest { instance, group, allow_unsatisfied });
        let answer = answered(self.to_licensing().update_reservation_group(request).await)?;
        Ok(answer.group.unwrap_or_default().into())
    }

    /// Removes a group of this revision.
    pub(crate) async fn delete_reservation_group(
        &self,
        instance: &str,
        id: &str,
        etag: &str,
    ) -> Result<(), Problem> {
        let (instance, group_id, etag) = (instance.to_owned(), id.to_owned(), etag.to_owned());
        let request = self.ask(pb::DeleteReservationGroupRequest { instance, group_id, etag });
        answered(self.to_licensing().delete_reservation_group(request).await).map(drop)
    }
}
