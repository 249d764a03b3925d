package dev.oxbow.fish.partner;

/** The double is as good as the real one. */
class LocalLinkTest extends PartnerLinkContract {

  @Override
  protected Pair open() {
    LocalLink[] ends = LocalLink.pair();
    return new Pair() {
      @Override
      public PartnerLink one() {
        return ends[0];
      }

      @Override
      public PartnerLink other() {
        return ends[1];
      }

      @Override
      public void cut() {
        ends[0].cut();
      }

      @Override
      public void heal() {
        ends[1].heal();
      }

      @Override
      public void leave() {
        ends[1].close();
      }

      @Override
      public void close() {
        ends[0].close();
        ends[1].close();
      }
    };
  }
}
