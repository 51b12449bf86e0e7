//! What the product does, told as stories: one file each, through HTTP and GraphQL as a client would.
//!
//! All stories run in one process over one private PostgreSQL; each gets a server and a database of its own, cloned
//! from a migrated template.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod harness;

mod a_backup_brings_everything_back;
mod a_busy_server_says_so;
mod a_client_changes;
mod a_client_is_asked_and_reminded;
mod a_client_leaves;
mod a_client_leaves_on_its_last_day;
mod a_clock_counts_business_time;
mod a_cut_off_request_leaves_nothing_behind;
mod a_dependency_holds_work_back;
mod a_provider_takes_on_two_clients;
mod an_approval_is_needed;
mod answers_are_compressed;
mod appointments_are_booked_once;
mod appointments_are_exchanged;
mod appointments_come_again;
mod browsers_call_from_portals;
mod clients_have_groups_and_contacts;
mod correspondence_comes_in;
mod correspondence_is_registered;
mod correspondence_is_sent;
mod data_goes_out_and_comes_in;
mod documents_are_kept;
mod documents_are_read;
mod documents_end;
mod due_dates_explain_themselves;
mod events_are_told;
mod every_change_is_on_the_record;
mod files_are_sent_and_taken;
mod files_come_in;
mod health_and_metrics;
mod jobs_are_done_once;
mod letters_are_set;
mod mails_are_sent;
mod nobody_takes_more_than_his_share;
mod nordwind;
mod one_operation_is_one_transaction;
mod one_server_follows_another;
mod one_stream_carries_many;
mod people_come_and_go;
mod people_sign;
mod people_sign_in_from_outside;
mod portals_publish_their_documents;
mod rules_fire;
mod schedules_come_again;
mod secrets_lie_sealed;
mod staff_have_skills_and_capacity;
mod statements_are_counted;
mod subscribers_follow;
mod the_books_refuse;
mod the_dashboard_shows_what_is_measured;
mod the_database_is_reached_encrypted;
mod the_database_keeps_its_rules;
mod the_edge_refuses_what_it_cannot_take;
mod the_explorer_speaks_the_schema;
mod the_morning_queue;
mod the_old_server_outlives_a_migration;
mod the_same_key_gives_the_same_answer;
mod views_of_the_queue;
mod walls;
mod webhooks_arrive;
mod webhooks_survive_kills;
mod what_is_known_is_asked_again;
mod what_is_over_is_swept_away;
mod work_comes_again;
