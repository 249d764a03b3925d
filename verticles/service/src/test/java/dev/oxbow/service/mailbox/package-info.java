/** Tests of mailboxes. */
@NullMarked
package dev.oxbow.service.mailbox;

import org.jspecify.annotations.NullMarked;
