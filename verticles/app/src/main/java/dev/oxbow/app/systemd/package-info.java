/**
 * What systemd and supervisors like it want to know, sd_notify(3), and the sockets that they open
 * for a service, sd_listen_fds(3). Both work by environment variables; without them nothing
 * happens.
 */
@NullMarked
package dev.oxbow.app.systemd;

import org.jspecify.annotations.NullMarked;
