/** Events, and the mailboxes in which they wait with their descriptors until an app takes them. */
@NullMarked
package dev.oxbow.service.mailbox;

import org.jspecify.annotations.NullMarked;
