// Every sentence and button the widget can show, in English, and how a name gets into one.
// It must not know when a text is shown (view.js) nor where (banner.js).

export const TEXTS = {
  // The three that users of django-admin-collaborator already have in their settings.
  editor_mode_text: 'You are in editor mode.',
  viewer_mode_text: 'This page is being edited by {editor_name}. You cannot make changes until they leave.',
  claiming_editor_text: 'The editor has left. The page will refresh shortly to allow editing.',

  // In line.
  next_text: 'You are next.',
  position_text: 'You are number {position} in line.',
  free_text: 'Nobody is editing this page right now.',
  reserved_text: 'The editor has left and somebody before you is about to take over.',
  elsewhere_text: 'You are editing this on another page.',
  view_only_text: 'You can view this page, but not change it.',
  view_only_editor_text: 'This page is being edited by {editor_name}.',

  // Saves.
  saving_text: '{editor_name} is saving.',
  saving_self_text: 'Your changes are being saved.',
  updated_text: '{editor_name} saved changes. The page will refresh shortly to show them.',
  updated_self_text: 'You saved changes on another page. This page will refresh shortly to show them.',
  refresh_text: 'There is a newer version of this page. Load it to go on.',
  changed_text: '{editor_name} has changed this since you opened it. What you typed is kept on this page, to copy from.',
  changed_self_text: 'You have saved this on another page since you opened it here. What you typed is kept on this page, to copy from.',
  unsure_text: 'The server has lost track of this page. It will refresh shortly.',
  unsure_dirty_text: 'The server has lost track of this page: it may have been changed since you opened it. What you typed is kept on this page, to copy from.',
  turn_dirty_text: 'It is your turn. Load the page again to edit it. What you typed is kept on this page until then.',
  discard_text: 'Loading the current version discards what you typed here.',
  uncertain_text: 'An earlier save was not confirmed and may still arrive. Check the values before you save.',
  deleted_text: 'This was deleted by {editor_name}.',
  deleted_self_text: 'You have deleted this.',

  // A lock that went away while its editor was here.
  lost_operator_text: 'An administrator ended your editing.',
  lost_expired_text: 'Your edit lock ran out.',
  lost_taken_over_text: '{lost_to} has taken over and edits this page now.',
  lost_handed_over_text: 'You have handed this page over.',
  lost_idle_text: 'You were away while somebody was waiting.',
  lost_time_up_text: 'Your time was up while somebody was waiting.',
  typed_kept_text: 'What you typed is still here, to copy from.',

  passed_on_text: 'What you typed is still here, and is offered to {passed_to}.',
  too_large_text: 'It is too large to be passed on.',

  // Asking, as the editor sees it.
  asked_text: '{names} asks to edit this page.',
  asked_more_text: '{names} and {count} more ask to edit this page.',
  answer_by_text: 'Without an answer they can take over in {time}.',
  answer_late_text: 'They can take over now.',
  promise_text: 'You hand this page over in {time}. Save before that.',
  idle_text: 'Are you still there? Somebody is waiting, so this page is handed on in {time}.',
  time_up_text: 'Somebody is waiting, and your time is up in {time}. Save before that.',
  asked_title: 'Request to edit',
  left_title: '{time} left',

  // ... and as those who wait see it.
  ask_sent_text: 'You have asked to edit.',
  take_later_text: 'Without an answer you can take over in {time}.',
  unanswered_text: 'You have asked to edit, and there was no answer.',
  others_asked_text: '{names} has asked to edit.',
  promised_text: '{editor_name} hands it over in {time}.',
  passes_on_text: 'It is handed on in {time}.',
  declined_text: '{editor_name} goes on editing. You can ask again in {time}.',

  // What an editor before left unsaved.
  offer_text: '{from} left unsaved changes here: {fields}.',
  offer_large_text: '{from} left unsaved changes here. They are too large to be passed on, but still stand on the page of {from}.',

  // The line to the server.
  connecting_text: 'Connecting…',
  unreachable_text: 'The edit lock cannot be reached. Saving is still checked by the server.',
  reconnecting_text: 'The connection is lost, trying again. Saving is still checked by the server.',
  offline_text: 'You are offline. Saving is still checked by the server.',
  signed_out_text: 'You are signed out, so nothing can be saved. Sign in on another page and come back: what you typed stays.',
  token_text: 'This page has been open for too long to be checked. Load it again to go on.',
  duplicate_text: 'This page is open a second time. Go on there, or load it again here.',

  // Drafts.
  draft_text: 'You have unsaved changes of this page from {time}.',
  draft_old_text: 'The page has been saved since; compare before you fill them in.',
  restored_text: 'Your browser kept changes of this page from before you left it. The page shows what is saved now; compare before you fill them in.',
  draft_wait_text: 'They can be filled in when it is your turn to edit.',
  filled_text: 'Filled in, and not saved yet: {fields}.',
  not_filled_text: 'These found no place on this page:',
  row_gone_text: 'its row was deleted',
  file_again_text: 'has to be chosen again',
  draft_column: 'Your unsaved changes',
  page_column: 'On this page now',

  // Buttons.
  claim_button: 'Edit here instead',
  edit_button: 'Edit',
  queue_button: 'Wait in line',
  reload_button: 'Load the page again',
  load_button: 'Load the current version',
  keep_button: 'Keep my text',
  discard_button: 'Discard and load',
  sign_in_button: 'Sign in on a new page',
  retry_button: 'Try again',
  restore_button: 'Fill them in',
  compare_button: 'Compare',
  forget_button: 'Discard them',
  done_button: 'OK',
  ask_button: 'Ask to edit',
  take_button: 'Take over',
  now_button: 'Hand over now',
  later_button: 'In {later}',
  no_button: 'Not now',
  here_button: 'I am still here',
  dismiss_button: 'Dismiss',

  // Stands in for a name that nobody knows (popups and some themes show none).
  somebody: 'somebody else',

  // Rows of a change list.
  row_text: '{editor_name} has been editing this since {time}.',
  row_saving_text: '{editor_name} is saving this.',
  row_self_text: 'You are editing this.',
  row_self: 'You',
};

// The site's texts over the defaults. Only strings count, so a null in a config cannot blank a banner.
export function merge(overrides) {
  const texts = { ...TEXTS };
  for (const [key, text] of Object.entries(overrides ?? {})) {
    if (typeof text === 'string') texts[key] = text;
  }
  return texts;
}

// Fills in `{name}`; what has no value stays as it stands, so a typo in a setting shows itself.
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (hole, name) =>
    Object.hasOwn(values, name) && values[name] != null ? String(values[name]) : hole);
}

// The sentence of a view (see view.js): its text keys, filled in and joined.
export function sentence(view, texts) {
  const values = { ...view.values, editor_name: view.values.editor_name || texts.somebody };
  const text = view.lines.map((key) => fill(texts[key] ?? '', values)).filter(Boolean).join(' ');
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}
