"""What every page that answers needs: forms, read with bounds."""
