package dev.oxbow.fish.partner;

import dev.oxbow.config.FishOptions;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ServiceLoader;

/** Makes partners. Whatever has one is found in the class path, by {@link ServiceLoader}. */
public interface PartnerProvider {

  /** End of the name of the file in which loans are remembered. */
  String LOANS = ".loans";

  /**
   * Makes the partner of a Fish. What it makes may block, and is called by a thread that may.
   *
   * @param options with a section {@code pair}
   * @param loop of the Fish
   * @param files beginning of the names of files that outlive the process
   */
  Partner.Source<Partner> of(FishOptions options, DescriptorLoop loop, Path files);

  /**
   * Removes what is remembered of loans.
   *
   * @throws IllegalStateException when that cannot be
   */
  static void forgetLoans(Path files) {
    Path loans = files.resolveSibling(files.getFileName() + LOANS);
    try {
      Files.deleteIfExists(loans);
    } catch (IOException e) {
      throw new IllegalStateException(loans + " cannot be removed: " + e.getMessage(), e);
    }
  }

  /**
   * The one that there is.
   *
   * @throws IllegalStateException when there is none
   */
  static PartnerProvider find() {
    return ServiceLoader.load(PartnerProvider.class, PartnerProvider.class.getClassLoader())
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalStateException(
                    "fish.pair: the module oxbow-pair is not in the class path"));
  }
}
