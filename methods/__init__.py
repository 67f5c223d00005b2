"""How is a prognosis made? One file a method."""
