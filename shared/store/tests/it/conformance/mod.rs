//! The conformance suite: every promise of the store traits as a test that knows nothing of the store
//! that it runs on. A store takes part by one line at the end of this file.

mod feeds;
mod homes;
mod idempotency;
mod ids;
mod imports;
mod inboxes;
mod leases;
mod lifecycle;
mod posts;
mod pulled;
mod queue;
mod queue_admin;
mod reading;
mod rebuilds;
mod receipts;
mod relations;
mod timelines;
mod topics;
mod users;

/// Makes a test of each case, on fresh stores of one harness.
macro_rules! tests {
    ($harness:ty: $($area:ident { $($case:ident)+ })+) => {
        $(mod $area {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let rig = crate::harness::Rig::new::<$harness>().await;
                    crate::conformance::$area::$case(rig).await;
                }
            )+
        })+
    };
}

/// Every case. One that is missing here is dead code, which the compiler reports.
macro_rules! conformance_of {
    ($harness:ty) => {
        tests! { $harness:
            feeds {
                a_document_is_kept_under_its_key
                a_document_takes_the_place_of_the_one_before
                the_warm_feeds_of_a_topic_are_those_that_are_kept
                all_documents_can_be_forgotten
            }
            homes {
                a_timeline_is_cold_until_it_is_rebuilt
                a_push_reaches_the_warm_followers
                a_push_twice_is_a_push_once
                deliveries_are_answered_in_their_order
                a_fan_out_goes_in_chunks
                a_fan_out_goes_on_after_a_follower_who_has_left
                what_is_pushed_while_a_timeline_warms_is_in_it
                a_warm_timeline_can_be_rebuilt
                a_rebuild_that_was_overtaken_cannot_finish
                a_rebuild_of_a_timeline_that_was_cooled_cannot_finish
                relations_make_timelines_cold
                cooling_is_of_one_or_of_all
                a_timeline_that_is_not_complete_has_a_floor
                a_full_timeline_is_complete_above_its_floor
                idle_timelines_become_cold
                a_restart_changes_no_page
            }
            idempotency {
                a_repeated_post_gets_the_first_answer_and_has_one_effect
                the_answer_is_as_it_was_then
                a_repeated_user_is_the_one_who_was_created_then
                another_request_with_the_key_is_refused
                a_refused_request_does_not_use_up_its_key
                of_many_with_one_key_one_has_an_effect
                a_key_is_kept_for_a_day_and_then_forgotten
            }
            ids {
                an_id_tells_when_and_where_it_was_made
                ids_are_unique_and_grow_under_concurrency
                ids_grow_whatever_the_clock_does
                a_deleted_id_is_not_made_again
                a_post_of_an_earlier_time_gets_an_id_of_that_time
                more_posts_of_one_time_than_a_millisecond_holds
            }
            imports {
                imported_follows_create_users_and_count_what_is_known
                an_imported_follow_backfills_the_home_timeline
                imported_posts_are_posts
                imported_posts_refer_to_each_other_by_their_keys
                a_key_that_was_imported_is_skipped_for_good
                imported_posts_are_in_the_order_of_their_times
                an_export_has_each_follow_once_in_a_fixed_order
                an_export_can_be_imported_again
                an_export_of_posts_adds_nothing_where_it_came_from
                a_foreign_line_with_the_id_of_a_post_is_not_lost
            }
            inboxes {
                an_addressed_post_reaches_the_home_of_the_addressed
                an_inbox_outlives_a_crash
                what_is_entered_is_durable_before_its_job_is_acked
                entering_twice_is_entering_once
                an_inbox_is_read_in_every_window
                an_addressed_post_does_not_fall_between
            }
            leases {
                a_lease_that_runs_out_is_taken_over
                whoever_lost_his_lease_changes_nothing
                a_lease_that_ran_out_is_fenced_before_anybody_takes_over
                a_late_index_write_changes_nothing
                a_lease_can_be_lengthened
                leases_can_be_lengthened_outside_the_runtime
                each_claim_has_the_lease_that_it_asked_for
                a_lease_from_before_a_crash_is_fenced
                a_lease_is_used_once
            }
            lifecycle {
                a_store_tells_the_time_of_its_clock
                a_sound_store_is_ready_and_has_not_failed
                a_closed_store_commits_nothing
                what_was_handed_over_is_durable_when_a_store_is_closed
                a_crash_under_load_loses_nothing_that_was_acknowledged
            }
            posts {
                a_commit_holds_the_post_its_timeline_and_its_jobs
                a_commit_is_whole_after_a_crash
                only_listed_posts_are_indexed
                a_post_keeps_all_that_it_was_given
                a_post_of_nobody_is_refused_and_nothing_happens
                jobs_carry_the_trace_of_their_request
                answers_and_reposts_are_counted_while_they_stand
                posts_are_answered_in_the_order_of_the_question
                an_edit_changes_where_something_is_given
                only_the_author_edits_and_only_what_there_is
                an_edit_enqueues_what_brings_the_pages_in_line
                a_deletion_holds_at_once_and_for_good
                the_author_deletes_and_an_admin_does
                no_read_is_older_than_what_was_acknowledged
            }
            pulled {
                posts_that_are_pulled_are_on_the_page_without_a_push
                pulled_posts_lead_through_the_floor_without_a_seam
                no_pulled_post_is_missing_after_a_crash
                a_reader_is_told_of_the_pulled_whom_he_follows
                cooling_all_timelines_ends_that_posts_are_pulled
                no_more_than_the_most_are_pulled
            }
            queue {
                the_earliest_deadline_goes_first
                the_tiers_are_apart
                an_acked_job_is_gone
                what_was_not_acked_comes_again_after_a_crash
                job_ids_grow_in_the_order_of_commits
                the_rest_of_a_job_goes_to_the_tail
                a_chunked_job_holds_up_nobody
                a_continued_job_keeps_its_attempts
                a_retry_waits_for_its_moment
                a_postponed_job_comes_again_as_if_untried
                one_poison_job_holds_up_no_other
                a_released_job_is_claimable_at_once_and_untouched
                each_settlement_of_a_batch_is_by_itself
                two_workers_never_hold_the_same_job
                one_who_waits_hears_of_new_jobs
                jobs_can_be_enqueued_without_a_commit
                new_posts_go_before_what_is_replayed
                no_post_is_refused_or_reported_late_because_of_a_replay
                the_rest_of_a_replay_waits_behind_its_pieces
            }
            queue_admin {
                the_figures_follow_the_jobs
                the_oldest_job_counts_until_it_is_settled
                a_tier_is_complete_up_to_its_oldest_job
            latencies_count_from_accept_to_done
                a_paused_tier_hands_out_nothing
                dead_letters_are_listed_newest_first
                a_replayed_dead_letter_begins_anew
                dead_letters_are_replayed_and_purged_one_or_all
                posts_are_refused_while_the_backlog_has_too_many_jobs
                posts_are_refused_while_the_backlog_is_too_old
                a_job_that_goes_on_failing_keeps_no_posts_out
                a_repeated_post_is_answered_past_the_bound
            }
            reading {
                the_author_sees_his_post_at_once
                nobody_has_no_home
                what_may_not_be_seen_is_gone_at_the_next_read
                a_page_is_short_only_at_the_end
                a_page_breaks_off_in_a_very_long_run_of_hidden_posts
                a_home_timeline_has_no_artificial_end
                a_cursor_stays_valid_when_its_post_is_deleted
                a_page_of_a_topic_hides_what_the_reader_may_not_see
                a_repost_shows_its_original_while_that_may_be_seen
                a_repost_of_one_that_lost_its_words_shows_what_that_passes_on
                a_post_is_shown_to_those_who_may_see_it
            }
            rebuilds {
                a_cold_reader_waits_for_a_turn_and_nobody_else
                a_timeline_that_was_rebuilt_meanwhile_is_not_rebuilt_again
            }
            receipts {
                a_receipt_follows_its_post_through_the_tiers
                a_settlement_without_progress_leaves_the_receipt
                the_public_tier_is_skipped_for_what_is_not_listed
                a_stage_dies_with_its_job
                where_there_is_no_post_there_is_no_receipt
                the_pages_of_a_receipt_are_those_that_show_the_post
                who_waits_for_a_delivery_hears_of_it
                no_delivery_is_missed
            }
            relations {
                a_relation_holds_from_its_commit_to_its_end
                relations_are_apart_from_each_other
                relations_are_in_the_order_of_the_question
                a_relation_with_nobody_is_refused
                followees_and_followers_are_exact
                follows_under_concurrency_leave_no_half
            }
            timelines {
                timelines_are_merged_in_every_window
                the_post_log_is_paged_by_time
                the_timelines_of_many_authors_are_merged
                the_post_log_of_a_time_without_ids_is_empty
            }
            topics {
                a_post_is_on_the_pages_of_its_topics
                a_write_enters_and_leaves_by_the_difference
                a_repeated_write_changes_nothing
                a_write_from_an_older_revision_changes_nothing
                a_deleted_post_leaves_and_stays_away
                a_deletion_that_is_indexed_first_wins
                a_batch_is_as_its_writes_one_by_one
                index_writes_survive_a_crash_or_are_done_again
                a_topic_is_read_in_every_window
            }
            users {
                a_created_user_is_found_by_id_handle_and_token
                who_does_not_exist_is_not_found
                a_user_without_a_name_shows_his_handle
                a_taken_handle_is_refused_and_nothing_happens
                of_many_who_want_a_handle_one_gets_it
                user_ids_are_dense_under_concurrency
                a_profile_changes_where_something_is_given
                an_added_token_leaves_the_others_valid
                the_counts_are_those_of_the_facts
            }
        }
    };
}

mod embedded {
    conformance_of!(crate::harness::Embedded);
}

mod redis {
    conformance_of!(crate::harness::Redis);
}

mod valkey {
    conformance_of!(crate::harness::Valkey);
}

mod redis_cluster {
    conformance_of!(crate::harness::Cluster);
}
